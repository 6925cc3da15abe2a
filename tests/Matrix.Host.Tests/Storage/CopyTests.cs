using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Copying;
using Matrix.Host.Storage.Sqlite;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Search;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Copies of a database to another one, of each kind.</summary>
internal sealed class CopyTests(string kind) : StorageTests(kind)
{
    private static readonly Action<CopyProgress> _ignored = static _ => { };

    [TestCase(TestDatabase.Sqlite)]
    [TestCase(TestDatabase.Postgres, Category = TestDatabase.Postgres)]
    public async Task A_copy_has_every_row_and_goes_on_at_the_same_position(string targetKind)
    {
        var position = await FillAsync();
        await using var target = await TestDatabase.CreateAsync(targetKind);

        var report = await StorageCopy.RunAsync(Options(), UrlOf(target), _ignored, Stop);

        Assert.That(report.Position, Is.EqualTo(position));
        var filled = report.Tables.Where(static table => table.Rows > 0).Select(static table => table.Table).ToArray();
        Assert.That(filled, Is.SupersetOf(new[] { "events", "rooms", "users", "search_events", "to_device" }));
        await using var copy = await OpenAsync(target);
        Assert.That(await copy.Copies.FindIncompleteAsync(Stop), Is.Null);
        var written = await copy.Writer.WriteAsync(Batches.New().Add(new EventUnindexed(Live(Kitchen, 9))), Stop);
        Assert.That(written.Position, Is.GreaterThan(position).And.LessThan(position + (2 << 20)));
    }

    [TestCase(TestDatabase.Sqlite)]
    [TestCase(TestDatabase.Postgres, Category = TestDatabase.Postgres)]
    public async Task An_events_json_and_words_are_what_they_were(string targetKind)
    {
        await FillAsync();
        var (row, found) = await ReadAsync(await OpenedAsync());
        await using var target = await TestDatabase.CreateAsync(targetKind);

        await StorageCopy.RunAsync(Options(), UrlOf(target), _ignored, Stop);

        var (copied, foundInCopy) = await ReadAsync(await OpenAsync(target));
        Assert.That(copied.Json.ToArray(), Is.EqualTo(row.Json.ToArray()));
        Assert.That(copied with { Json = default }, Is.EqualTo(row with { Json = default }));
        Assert.That(found, Has.Count.EqualTo(1));
        Assert.That(foundInCopy, Is.EqualTo(found));
    }

    [TestCase(TestDatabase.Sqlite)]
    [TestCase(TestDatabase.Postgres, Category = TestDatabase.Postgres)]
    public async Task An_interrupted_copy_is_known_as_such_and_goes_on(string targetKind)
    {
        await FillAsync();
        await using var target = await TestDatabase.CreateAsync(targetKind);
        using var stopping = new CancellationTokenSource();
        Assert.ThrowsAsync(
            Is.InstanceOf<OperationCanceledException>(),
            () => StorageCopy.RunAsync(Options(), UrlOf(target), StopsAtRooms, stopping.Token));
        await using (var half = await OpenAsync(target))
        {
            Assert.That(await half.Copies.FindIncompleteAsync(Stop), Does.StartWith("example.org at "));
        }

        var report = await StorageCopy.RunAsync(Options(), UrlOf(target), _ignored, Stop);

        Assert.That(report.Tables.Single(static table => table.Table == "rooms").Rows, Is.GreaterThan(0));
        await using var copy = await OpenAsync(target);
        Assert.That(await copy.Copies.FindIncompleteAsync(Stop), Is.Null);

        void StopsAtRooms(CopyProgress progress)
        {
            if (progress.Table == "rooms") stopping.Cancel();
        }
    }

    [Test]
    public async Task A_row_that_differs_in_the_copy_is_found()
    {
        await FillAsync();
        await using var target = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        var file = Path.Combine(target.Folder, "matrix.db");

        var refused = Fails(() => StorageCopy.RunAsync(Options(), UrlOf(target), Changes, Stop));

        Assert.That(refused.Message, Does.StartWith("The copy of the table profiles is not what the source has"));
        await using var copy = await OpenAsync(target);
        Assert.That(await copy.Copies.FindIncompleteAsync(Stop), Is.Not.Null);

        void Changes(CopyProgress progress)
        {
            if (progress.Table != "rooms" || progress.IsComparing) return;
            using var connection = SqliteConnection.Open(file, busyTimeoutMs: 1000);
            connection.Execute("UPDATE profiles SET value = CAST('x' AS BLOB)");
        }
    }

    [Test]
    public async Task A_target_with_other_rows_or_with_a_copy_is_refused()
    {
        await FillAsync();
        await using var target = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        await using (var store = await OpenAsync(target))
        {
            await WriteSamplesAsync(store);
        }

        Assert.That(
            Fails(() => StorageCopy.RunAsync(Options(), UrlOf(target), _ignored, Stop)).Message,
            Does.StartWith("The target is not empty"));
        await using var empty = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        await StorageCopy.RunAsync(Options(), UrlOf(empty), _ignored, Stop);
        Assert.That(
            Fails(() => StorageCopy.RunAsync(Options(), UrlOf(empty), _ignored, Stop)).Message,
            Is.EqualTo("The target has a complete copy already."));
    }

    [Test]
    public async Task A_copy_of_a_source_that_has_written_since_does_not_go_on()
    {
        await FillAsync();
        await using var target = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        using var stopping = new CancellationTokenSource();
        Assert.ThrowsAsync(
            Is.InstanceOf<OperationCanceledException>(),
            () => StorageCopy.RunAsync(Options(), UrlOf(target), _ => stopping.Cancel(), stopping.Token));
        await OpenedAsync();
        await Write(new EventUnindexed(Live(Kitchen, 9)));
        await Store.DisposeAsync();

        var refused = Fails(() => StorageCopy.RunAsync(Options(), UrlOf(target), _ignored, Stop));

        Assert.That(refused.Message, Does.StartWith("The target has a copy of another state"));
    }

    [Test]
    public async Task Nothing_is_copied_while_a_server_runs_or_to_the_same_database()
    {
        await using var target = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        Assert.That(
            Fails(() => StorageCopy.RunAsync(
                Options() with { OwnershipWaitMs = 100 }, UrlOf(target), _ignored, Stop)).Message,
            Does.Contain("in use by another process"));
        await Store.DisposeAsync();
        Assert.That(
            Fails(() => StorageCopy.RunAsync(
                Options() with { OwnershipWaitMs = 100 }, Options().Url, _ignored, Stop)).Message,
            Does.StartWith("the target: ").And.Contain("in use by another process"));
    }

    [Test]
    public async Task Compacting_gives_the_space_of_deleted_rows_back_and_keeps_the_others()
    {
        await FillAsync();
        await OpenedAsync();
        var large = new byte[64 * 1024];
        Random.Shared.NextBytes(large);
        var json = Json($"{{\"x\":\"{Convert.ToHexString(large)}\"}}");
        for (var i = 0; i < 40; i++) await Write(new ProfileFieldChanged(Alice, $"f{i}", json));
        for (var i = 0; i < 40; i++) await Write(new ProfileFieldDeleted(Alice, $"f{i}"));
        var position = await Write(new EventUnindexed(Live(Kitchen, 9)));
        await Store.DisposeAsync();

        var (before, after) = await StorageCompaction.RunAsync(Options(), Stop);

        Assert.That(after, Is.LessThan(before - (2 * 1024 * 1024)));
        var (row, _) = await ReadAsync(await OpenedAsync());
        Assert.That(row.Json.Length, Is.GreaterThan(0));
        Store = await OpenAsync();
        Assert.That(await Write(new EventUnindexed(Live(Kitchen, 9))), Is.GreaterThan(position));
    }

    internal static string UrlOf(TestDatabase target) => target.Url.StartsWith("sqlite:", StringComparison.Ordinal)
        ? $"sqlite:{Path.Combine(target.Folder, "matrix.db")}"
        : target.Url;

    private ValueTask<OpenedStorage> OpenAsync(TestDatabase target) =>
        StorageEngine.OpenAsync(Options() with { Url = UrlOf(target) }, Stop);

    private async Task<OpenedStorage> OpenedAsync() => Store = await OpenAsync();

    /// <summary>The first event, and where its words are found. Closes the store.</summary>
    private static async Task<(EventRow Row, IReadOnlyList<SearchRow> Found)> ReadAsync(
        OpenedStorage store)
    {
        var row = (await store.Events.FindAsync(Live(Kitchen, 3), Stop))!;
        var found = await store.Search.FindAsync(new SearchWordsQuery("blue teapot", -1), 10, Stop);
        await store.DisposeAsync();
        return (row, found);
    }

    /// <summary>Changes of all kinds, but those that have rows of an earlier one.</summary>
    private static async Task WriteSamplesAsync(OpenedStorage store)
    {
        foreach (var change in ChangeSamples.All())
        {
            try
            {
                await store.Writer.WriteAsync(Batches.New().Add(change), Stop);
            }
            catch (StorageException fault) when (fault.Failure == StorageFailure.Rejected)
            {
            }
        }
    }

    /// <summary>Rows in almost all tables. Closes the store, and returns its position.</summary>
    private async Task<long> FillAsync()
    {
        await WriteSamplesAsync(Store);
        await Write(Event(Live(Kitchen, 3)), Event(Live(Kitchen, 4)));
        var position = await Write(
            new EventIndexed(Live(Kitchen, 3), Live(Kitchen, 3), 5, 0, 3, "teapot blue blue \uE000"));
        await Store.DisposeAsync();
        return position;
    }
}
