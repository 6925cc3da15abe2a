using Matrix.Host.Configuration;

namespace Matrix.Host.Tests.Media;

/// <summary>Whom the files and folders of the server admit.</summary>
internal sealed class FileModeTests
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode OldFolder =
        Owner | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode OldFile =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private string _folder = null!;

    private string Data => Path.Combine(_folder, "data");

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("matrix-modes-").FullName;

    [TearDown]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Everything_that_the_server_makes_is_its_users_alone()
    {
        ConfigLocation.Write(Path.Combine(Data, "homeserver.yaml"), "test.example");
        await using (var server = await TestServer.StartAsync(("data_dir", Data)))
        {
            var alice = await server.RegistersAsync("alice");
            var image = await TestImages.MakeAsync("png", 400, 300);
            var uri = MediaActions.UriOf(await alice.SendAsync(
                HttpMethod.Post, "/_matrix/media/v3/upload", new ByteArrayContent(image)));
            (await alice.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?width=64&height=48")).HasStatus(200);

            // The socket is made by the web server, in a folder of its own.
            var made = new DirectoryInfo(Data).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
                .Where(entry => entry.Name != "socket").ToList();
            Assert.That(made.Select(entry => entry.Name), Has.Some.EqualTo("note").And.Some.EqualTo("matrix.db"));
            Assert.That(
                made.Append(new DirectoryInfo(Data)).Where(entry => (entry.UnixFileMode & ~Owner) != 0)
                    .Select(entry => entry.FullName),
                Is.Empty);
            Assert.That(server.Log, Does.Not.Contain("chmod"));
        }
    }

    [Test]
    public async Task An_older_data_folder_that_others_may_enter_is_kept_with_a_warning()
    {
        await using var server = await TestServer.StartAsync(("media.folder", Path.Combine(_folder, "apart")));
        var alice = await server.RegistersAsync("alice");
        var old = await alice.UploadsAsync("of an older version");
        File.SetUnixFileMode(server.Folder, OldFolder);
        File.SetUnixFileMode(Path.Combine(_folder, "apart"), OldFolder);
        var before = Files().Single();
        File.SetUnixFileMode(before, OldFile);

        await server.RestartAsync();

        Assert.That(
            server.Log,
            Does.Contain($"chmod 700 {server.Folder}").And.Contain($"chmod 700 {_folder}/apart"));
        Assert.That(File.GetUnixFileMode(server.Folder), Is.EqualTo(OldFolder));
        Assert.That((await alice.DownloadsAsync(old)).HasStatus(200).Text, Is.EqualTo("of an older version"));
        await alice.UploadsAsync("of this version");
        Assert.That(
            File.GetUnixFileMode(Files().Single(file => file != before)),
            Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    private string[] Files() =>
        Directory.GetFiles(Path.Combine(_folder, "apart", "files"), "*", SearchOption.AllDirectories);
}
