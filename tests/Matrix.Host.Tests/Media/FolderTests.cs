using Matrix.Host.Media;
using Matrix.Host.Media.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Media;

/// <summary>The folder of media: whose it is, and what is wrong with its files.</summary>
internal sealed class FolderTests
{
    private string _folder = null!;

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("matrix-media-").FullName;

    [TearDown]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    private MediaFolder Open(string server = "one.test") => MediaFolder.Open(
        new MediaOptions { ServerName = server, Folder = Path.Combine(_folder, "media") }, NullLogger.Instance);

    [Test]
    public void One_server_at_a_time_has_the_folder_and_keeps_what_it_receives()
    {
        var first = Open();
        var received = Path.Combine(_folder, "media", "incoming", "half");
        File.WriteAllText(received, "half a cont");

        Assert.That(() => Open(), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {_folder}/media cannot be used: it is in use by another process"));
        Assert.That(File.Exists(received));

        first.Dispose();
        using var second = Open();
        Assert.That(File.Exists(received), Is.False);
    }

    [Test]
    public void A_first_start_that_lost_power_leaves_a_folder_that_opens()
    {
        var media = Directory.CreateDirectory(Path.Combine(_folder, "media")).FullName;
        File.WriteAllText(Path.Combine(media, "lock"), "");
        File.WriteAllText(Path.Combine(media, "owner.new"), "");
        Open().Dispose();

        Directory.Delete(Path.Combine(media, "files"));
        File.WriteAllText(Path.Combine(media, "letter.txt"), "of somebody");
        Assert.That(() => Open(), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {media} cannot be used: it is not empty, and has no media of this server"));
    }

    [Test]
    public void The_folder_belongs_to_one_server()
    {
        Open().Dispose();

        Assert.That(() => Open("two.test"), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {_folder}/media cannot be used: it belongs to the server one.test"));
        Open().Dispose();
    }

    [Test]
    public void A_folder_of_an_older_version_gets_its_owner()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "media", "files"));

        Open().Dispose();

        Assert.That(File.ReadAllText(Path.Combine(_folder, "media", "owner")), Is.EqualTo("one.test\n"));
    }

    [Test]
    public void Folders_on_two_file_systems_are_refused()
    {
        const string memory = "/dev/shm";
        var other = _folder.StartsWith(memory, StringComparison.Ordinal) ? "/var/tmp" : memory;
        if (!Directory.Exists(other)) Assert.Ignore("There is no second file system.");
        var elsewhere = Path.Combine(other, Path.GetFileName(_folder));
        Directory.CreateDirectory(elsewhere);
        try
        {
            Directory.CreateDirectory(Path.Combine(_folder, "media"));
            Directory.CreateSymbolicLink(Path.Combine(_folder, "media", "files"), elsewhere);

            Assert.That(() => Open(), Throws.TypeOf<IOException>().With.Message.EqualTo(
                $"media.folder: {_folder}/media cannot be used: files cannot be moved from {_folder}/media/incoming "
                + $"to {_folder}/media/files. Both must be on one file system"));
        }
        finally
        {
            Directory.Delete(elsewhere, recursive: true);
        }
    }

    [Test]
    public async Task A_second_server_does_not_start_on_the_folder()
    {
        await using var server = await TestServer.StartAsync();
        var folder = Path.Combine(server.Folder, "media");

        var refused = Assert.CatchAsync(() => TestServer.StartAsync(("media.folder", folder)));

        Assert.That(refused!.Message, Does.EndWith("it is in use by another process"));
    }

    [Test]
    public async Task A_content_that_was_cut_off_is_not_served_and_comes_again_with_its_next_upload()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");
        var uri = await alice.UploadsAsync("a whole content");
        var path = MediaServer.FilesOf(server).Single();
        await File.WriteAllTextAsync(path, "a whole");

        (await alice.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        var again = await alice.UploadsAsync("a whole content");

        foreach (var each in new[] { uri, again })
        {
            Assert.That((await alice.DownloadsAsync(each)).HasStatus(200).Text, Is.EqualTo("a whole content"));
        }
    }
}
