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

    private Task<MediaFolder> OpenAsync(string server = "one.test", string node = "") => MediaFolder.OpenAsync(
        new MediaOptions { ServerName = server, Folder = Path.Combine(_folder, "media"), Node = node },
        NullLogger.Instance,
        shared: null,
        CancellationToken.None);

    [Test]
    public async Task One_server_at_a_time_has_the_folder_and_keeps_what_it_receives()
    {
        var first = await OpenAsync();
        var received = Path.Combine(_folder, "media", "incoming", "half");
        File.WriteAllText(received, "half a cont");

        Assert.That(() => OpenAsync(), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {_folder}/media cannot be used: it is in use by another process"));
        Assert.That(File.Exists(received));

        first.Dispose();
        using var second = await OpenAsync();
        Assert.That(File.Exists(received), Is.False);
    }

    [Test]
    public async Task A_first_start_that_lost_power_leaves_a_folder_that_opens()
    {
        var media = Directory.CreateDirectory(Path.Combine(_folder, "media")).FullName;
        File.WriteAllText(Path.Combine(media, "lock"), "");
        File.WriteAllText(Path.Combine(media, "owner.new"), "");
        (await OpenAsync()).Dispose();

        Directory.Delete(Path.Combine(media, "files"));
        File.WriteAllText(Path.Combine(media, "letter.txt"), "of somebody");
        Assert.That(() => OpenAsync(), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {media} cannot be used: it is not empty, and has no media of this server"));
    }

    [Test]
    public async Task The_folder_belongs_to_one_server()
    {
        (await OpenAsync()).Dispose();

        Assert.That(() => OpenAsync("two.test"), Throws.TypeOf<IOException>().With.Message.EqualTo(
            $"media.folder: {_folder}/media cannot be used: it belongs to the server one.test"));
        (await OpenAsync()).Dispose();
    }

    [Test]
    public async Task A_folder_of_an_older_version_gets_its_owner()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "media", "files"));

        (await OpenAsync()).Dispose();

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

            Assert.That(() => OpenAsync(), Throws.TypeOf<IOException>().With.Message.EqualTo(
                $"media.folder: {_folder}/media cannot be used: files cannot be moved from {_folder}/media/incoming "
                + $"to {_folder}/media/files. Both must be on one file system"));
        }
        finally
        {
            Directory.Delete(elsewhere, recursive: true);
        }
    }

    [Test]
    public async Task Nodes_have_the_folder_together_and_each_what_it_receives()
    {
        using (var one = await OpenAsync(node: "one"))
        {
            var received = Path.Combine(one.Spool.Folder, "half");
            await File.WriteAllTextAsync(received, "half a cont");

            using (await OpenAsync(node: "two")) Assert.That(File.Exists(received));

            Assert.That(() => OpenAsync(), Throws.TypeOf<IOException>().With.Message.EqualTo(
                $"media.folder: {_folder}/media cannot be used: it is in use by another process"));
            Assert.That(() => OpenAsync("two.test", "two"), Throws.TypeOf<IOException>().With.Message.EqualTo(
                $"media.folder: {_folder}/media cannot be used: it belongs to the server one.test"));
            Assert.That(File.Exists(received));
        }

        using (await OpenAsync())
        {
            Assert.That(
                Directory.EnumerateFileSystemEntries(Path.Combine(_folder, "media", "incoming")), Is.Empty);
            Assert.That(() => OpenAsync(node: "one"), Throws.TypeOf<IOException>().With.Message.EqualTo(
                $"media.folder: {_folder}/media cannot be used: it is in use by a server that is no node of a "
                + "cluster"));
        }
    }

    [Test]
    public async Task What_nodes_left_that_do_not_come_back_is_deleted_by_its_age()
    {
        using (await OpenAsync(node: "gone"))
        using (var here = await OpenAsync(node: "here"))
        {
            var incoming = Path.Combine(_folder, "media", "incoming");
            var work = Path.Combine(_folder, "media", "work");
            string[] left = [Path.Combine(incoming, "alone"), Path.Combine(incoming, "node-gone", "half")];
            var arrives = Path.Combine(here.Spool.Folder, "arrives");
            foreach (var file in left.Append(arrives)) await File.WriteAllTextAsync(file, "half a cont");
            foreach (var file in left) File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddDays(-2));
            var tool = Directory.CreateDirectory(Path.Combine(work, "node-gone", "tool")).FullName;
            await File.WriteAllTextAsync(Path.Combine(tool, "made.jpg"), "half an image");
            Directory.SetLastWriteTimeUtc(tool, DateTime.UtcNow.AddDays(-2));

            WorkFolders.DeleteLeft(
                new MediaOptions { ServerName = "one.test", Folder = Path.Combine(_folder, "media"), Node = "here" },
                DateTimeOffset.UtcNow,
                CancellationToken.None);

            Assert.That(left.Where(File.Exists), Is.Empty);
            Assert.That(Directory.Exists(tool), Is.False);
            Assert.That(File.Exists(arrives));
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
