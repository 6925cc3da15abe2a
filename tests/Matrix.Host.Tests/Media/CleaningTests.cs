using Matrix.Host.Media.Store;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Media that is no longer kept.</summary>
internal sealed class CleaningTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private MediaCleaner Cleaner => _server.Services.GetRequiredService<MediaCleaner>();

    private OpenedStorage Storage => _server.Services.GetRequiredService<OpenedStorage>();

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartAsync(settings);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Local_media_is_kept_for_its_time_after_the_last_download()
    {
        await StartAsync(("media.local_kept", "10d"));
        var (used, unused) = (await _alice.UploadsAsync("used"), await _alice.UploadsAsync("unused"));
        var pending = await _alice.CreatesUriAsync();
        _server.Ahead = TimeSpan.FromDays(8);
        await Cleaner.CleanAsync(CancellationToken.None);
        await _alice.DownloadsAsync(used);

        _server.Ahead = TimeSpan.FromDays(11);
        await Cleaner.CleanAsync(CancellationToken.None);

        (await _alice.DownloadsAsync(used)).HasStatus(200);
        (await _alice.DownloadsAsync(unused)).Is(404, "M_NOT_FOUND");
        Assert.That(MediaServer.FilesOf(_server), Has.Length.EqualTo(1));
        Assert.That(
            await Storage.Media.FindAsync("test.example", pending.Split('/')[1], CancellationToken.None), Is.Null);
    }

    [Test]
    public async Task Local_media_is_kept_for_ever_by_default()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("kept");
        _server.Ahead = TimeSpan.FromDays(10_000);

        await Cleaner.CleanAsync(CancellationToken.None);

        var row = await Storage.Media.FindAsync("test.example", uri.Split('/')[1], CancellationToken.None);
        Assert.That(row, Is.Not.Null);
    }

    [Test]
    public async Task Media_of_other_servers_is_bounded_in_bytes()
    {
        await StartAsync(("media.remote_cache_bytes", "8500"), ("media.remote_kept", "ever"));
        for (var n = 0; n < 4; n++)
        {
            var row = new MediaRow(
                "other.test", $"m{n}", new string((char)('a' + n), 64), 100, "text/plain", null, null, n, n, null,
                false);
            await Storage.Writer.WriteAsync(Batches.New(1).Add(new MediaCreated(row)), CancellationToken.None);
        }

        var local = await _alice.UploadsAsync(new string('x', 1000));
        await Storage.Writer.WriteAsync(
            Batches.New(1).Add(new MediaAccessed(
                "other.test", "m0", DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())),
            CancellationToken.None);

        await Cleaner.CleanAsync(CancellationToken.None);

        var left = new List<string>();
        foreach (var id in new[] { "m0", "m1", "m2", "m3" })
        {
            if (await Storage.Media.FindAsync("other.test", id, CancellationToken.None) is not null) left.Add(id);
        }

        Assert.That(left, Is.EqualTo(new[] { "m0", "m3" }));
        (await _alice.DownloadsAsync(local)).HasStatus(200);
    }

    [Test]
    public async Task A_deletion_that_a_stop_cut_off_is_completed()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("old");
        var row = await Storage.Media.FindAsync("test.example", uri.Split('/')[1], CancellationToken.None);
        await Storage.Writer.WriteAsync(Batches.New(1).Add(new MediaDeleted(row!)), CancellationToken.None);
        Assert.That(MediaServer.FilesOf(_server), Has.Length.EqualTo(1));
        _server.Ahead = TimeSpan.FromDays(40);

        await Cleaner.CleanAsync(CancellationToken.None);

        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
        Assert.That(await Storage.Media.DroppedAsync(1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task A_content_that_came_again_outlives_the_deletion_of_its_last_URI()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("again");
        var row = await Storage.Media.FindAsync("test.example", uri.Split('/')[1], CancellationToken.None);
        await Storage.Writer.WriteAsync(Batches.New(1).Add(new MediaDeleted(row!)), CancellationToken.None);
        var second = await _alice.UploadsAsync("again");

        await Cleaner.CleanAsync(CancellationToken.None);

        (await _alice.DownloadsAsync(second)).HasStatus(200);
        Assert.That(await Storage.Media.DroppedAsync(1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task A_content_without_a_URI_is_deleted()
    {
        await StartAsync();
        await _alice.UploadsAsync("kept");
        var kept = MediaServer.FilesOf(_server).Single();
        var folder = Path.Combine(_server.Folder, "media", "files", "ab");
        Directory.CreateDirectory(folder);
        var left = Path.Combine(folder, new string('c', 62));
        await File.WriteAllTextAsync(left, "left by a server that was killed");
        await Cleaner.SweepAsync(CancellationToken.None);
        Assert.That(File.Exists(left), "It is new: its URI may come.");

        _server.Ahead = TimeSpan.FromHours(2);
        await Cleaner.SweepAsync(CancellationToken.None);

        Assert.That(File.Exists(left), Is.False);
        Assert.That(File.Exists(kept));
    }

    [Test]
    public async Task Older_contents_without_a_URI_are_left_to_another_database()
    {
        await StartAsync();
        var folder = Path.Combine(_server.Folder, "media", "files", "ab");
        Directory.CreateDirectory(folder);
        var other = Path.Combine(folder, new string('c', 62));
        await File.WriteAllTextAsync(other, "of another database");
        await File.WriteAllTextAsync(Path.Combine(folder, new string('X', 62)), "no content");
        _server.Ahead = TimeSpan.FromDays(3);

        await Cleaner.SweepAsync(CancellationToken.None);

        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(2));
    }
}
