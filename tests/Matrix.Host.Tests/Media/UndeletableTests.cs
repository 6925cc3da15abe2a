using Matrix.Host.Media;
using Matrix.Host.Media.Previews;
using Matrix.Host.Media.Store;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.UrlPreviews;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Media;

/// <summary>Contents and folders at which the file system fails do not end the cleaning of the others.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class UndeletableTests
{
    private readonly StubFiles _files = new();
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private OpenedStorage Storage => _server.Services.GetRequiredService<OpenedStorage>();

    [SetUp]
    public async Task StartAsync()
    {
        _server = await _files.StartAsync(("media.local_kept", "1d"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Old_media_goes_although_a_content_cannot_be_deleted()
    {
        await _alice.UploadsAsync("one");
        _files.Undeletable[_files.Contents.Keys.Single()] = true;
        var other = await _alice.UploadsAsync("two");
        _server.Ahead = TimeSpan.FromDays(2);

        await _server.CleansMediaAsync();

        (await _alice.DownloadsAsync(other)).Is(404, "M_NOT_FOUND");
        Assert.That(_files.Contents.Keys, Is.EqualTo(_files.Undeletable.Keys));
        _files.Undeletable.Clear();
        await _server.CleansMediaAsync();
        Assert.That(_files.Contents, Is.Empty);
        Assert.That(await Storage.Media.DroppedAsync(1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task Contents_that_cannot_be_deleted_do_not_hide_those_that_can()
    {
        // More than are looked at together.
        for (var n = 0; n < 450; n++)
        {
            var row = new MediaRow(
                "other.test", $"m{n}", $"{n:x64}", 1, "text/plain", null, null, n, n, null, false);
            foreach (var change in new Change[] { new MediaCreated(row), new MediaDeleted(row) })
            {
                await Storage.Writer.WriteAsync(Batches.New(1).Add(change), CancellationToken.None);
            }

            if (n != 449) _files.Undeletable[row.File!] = true;
        }

        await _server.CleansMediaAsync();

        var left = await Storage.Media.DroppedAsync(1000, CancellationToken.None);
        Assert.That(left, Is.EquivalentTo(_files.Undeletable.Keys));
    }

    [Test]
    public async Task A_sweep_goes_on_after_a_content_that_cannot_be_deleted()
    {
        var (stays, goes) = (new string('a', 64), new string('b', 64));
        (_files.Contents[stays], _files.Contents[goes]) = ([1], [1]);
        _files.Undeletable[stays] = true;

        await _server.SweepsMediaAsync();

        Assert.That(_files.Contents.Keys, Is.EqualTo(new[] { stays }));
    }

    [Test]
    public async Task Previews_are_cleaned_although_media_is_not()
    {
        var options = _server.Services.GetRequiredService<MediaOptions>();
        var folder = Directory.CreateTempSubdirectory("matrix-gone-").FullName;
        var gone = new DerivedFiles(options with { Folder = folder }, NullLogger.Instance);
        Directory.Delete(folder, recursive: true);
        var cleaner = new MediaCleaner(
            Storage.Media,
            Storage.Writer,
            _server.Services.GetRequiredService<ContentRepository>(),
            _files,
            gone,
            options,
            TimeProvider.System);
        var preview = new UrlPreviewRow("https://a.test/", 1, "{}"u8.ToArray(), null, 0);
        await Storage.Writer.WriteAsync(
            Batches.New(1).Add(new UrlPreviewStored(preview)), CancellationToken.None);
        using var service = new MediaCleaning(
            cleaner, _server.Services.GetRequiredService<PreviewCleaner>(), ShardGates.AlwaysOpen, options,
            TimeProvider.System, NullLogger<MediaCleaning>.Instance);

        await service.StartAsync(CancellationToken.None);

        for (var tries = 0; (await Storage.UrlPreviews.UseAsync(CancellationToken.None)).Files > 0; tries++)
        {
            Assert.That(tries, Is.LessThan(500));
            await Task.Delay(20);
        }

        await service.StopAsync(CancellationToken.None);
    }

    [Test]
    public async Task A_part_of_the_folder_that_cannot_be_read_is_passed_over()
    {
        var folder = Path.Combine(_server.Folder, "other");
        Directory.CreateDirectory(folder);
        var options = _server.Services.GetRequiredService<MediaOptions>() with { Folder = folder };
        var (files, derived) = (
            new FolderFiles(options, NullLogger.Instance), new DerivedFiles(options, NullLogger.Instance));
        string[] firsts = ["aa", "bb", "cc"];
        foreach (var first in firsts)
        {
            var part = Directory.CreateDirectory(Path.Combine(folder, "files", first)).FullName;
            await File.WriteAllTextAsync(Path.Combine(part, new string('d', 62)), "x");
            Directory.CreateDirectory(Path.Combine(folder, "thumbnails", first, new string('d', 62)));
        }

        // A part that is gone once it is to be read stands for one that may not be read.
        var found = new List<string>();
        await foreach (var part in files.ListAsync(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, default))
        {
            if (found.Count == 0) Directory.Delete(Next("files", part[0]), recursive: true);
            found.AddRange(part);
        }

        var made = new List<string>();
        foreach (var part in derived.Contents())
        {
            if (made.Count == 0) Directory.Delete(Next("thumbnails", part[0]), recursive: true);
            made.AddRange(part);
        }

        Assert.That((found.Count, made.Count), Is.EqualTo((2, 2)));

        string Next(string name, string read) =>
            Path.Combine(folder, name, firsts.First(first => !read.StartsWith(first, StringComparison.Ordinal)));
    }
}
