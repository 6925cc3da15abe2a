using Matrix.Host.Media;
using Matrix.Host.Media.Store;
using Matrix.Host.Tests.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Media;

/// <summary>The folder that the nodes of a cluster share: how they find out that it is the one that they all have.
/// </summary>
internal sealed class SharedFolderTests(string kind) : StorageTests(kind)
{
    private string _folder = null!;

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("matrix-media-").FullName;

    [TearDown]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    private string Named(string name) => Path.Combine(_folder, name);

    /// <summary>Opens and closes a folder, for a node or a server without nodes.</summary>
    private async Task StartsAsync(string folder, string node = "") => (await MediaFolder.OpenAsync(
        new MediaOptions { ServerName = "one.test", Folder = Named(folder), Node = node },
        NullLogger.Instance,
        new SharedFolder(Store.Media, Store.Writer),
        Stop)).Dispose();

    private string WhyNot(string folder, string node = "")
    {
        var refused = Assert.ThrowsAsync<IOException>(() => StartsAsync(folder, node))!;
        Assert.That(
            Directory.Exists(Path.Combine(Named(folder), "incoming", "node-" + node)), Is.False, "nothing was emptied");
        return refused.Message.Split("cannot be used: ")[1];
    }

    [Test]
    public async Task All_nodes_have_one_folder()
    {
        await StartsAsync("shared", "one");
        await StartsAsync("shared", "two");
        var id = (await Store.Media.FolderAsync(Stop))!.Id;
        var own = Path.Combine(Named("own"), "cluster");

        Assert.That(WhyNot("own", "three"), Is.EqualTo(
            "it is not the folder of the other nodes: mount that one. If it replaces that one, write "
            + $"{id} into the file {own}"));

        await File.WriteAllTextAsync(own, id + "\n");
        await StartsAsync("own", "three");
    }

    [Test]
    public async Task A_folder_of_another_database_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(Named("theirs"), "files"));
        await File.WriteAllTextAsync(Path.Combine(Named("theirs"), "cluster"), "their id\n");
        const string why = "it belongs to a cluster with another database, as the file cluster in it says";

        Assert.That(WhyNot("theirs", "one"), Is.EqualTo(why), "before this one has an id");
        Assert.That(WhyNot("theirs"), Is.EqualTo(why), "for a server without nodes");
        await StartsAsync("ours", "one");
        Assert.That(WhyNot("theirs", "one"), Is.EqualTo(why));
    }

    [Test]
    public async Task A_server_of_the_same_database_may_serve_alone_later()
    {
        await StartsAsync("shared", "one");

        await StartsAsync("shared");
        await StartsAsync("shared", "two");
    }
}
