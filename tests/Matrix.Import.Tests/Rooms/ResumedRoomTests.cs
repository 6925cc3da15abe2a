using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Rooms;

/// <summary>An import that ends in the middle of a room, and is begun again.</summary>
internal sealed class ResumedRoomTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const int Messages = 2_500;

    protected override IReadOnlyList<string> Tables => SynapseTables.OfRooms;

    protected override IReadOnlyList<IImportPart> Parts => [new RoomsPart()];

    [Test]
    public async Task A_room_that_was_interrupted_goes_on_and_nothing_is_lost_or_doubled()
    {
        var alice = Id("alice");
        var (first, second) = (SynapseRoom.Of(alice), SynapseRoom.Of(alice));
        first.Says(alice, "first");
        second.Says(alice, "no JSON", new SynapseFate { HasNoJson = true });
        for (var at = 0; at < Messages; at++)
        {
            second.Says(alice, $"{at}");
            if (at % 50 == 0) second.Sends(alice, "m.room.topic", new JsonObject { ["topic"] = $"{at}" }, "");
        }

        await first.SaveAsync(Source);
        await second.SaveAsync(Source);
        var whole = 0;
        Assert.That(() => ImportUntilAsync(rows: 2_000), Throws.TypeOf<SourceException>());
        await using (var target = await OpenTargetAsync(null))
        {
            var reached = (await target.Imports.ProgressAsync(Stop)).Single().Reached!;
            Assert.That(RoomsReached.Of(reached).Calls, Is.GreaterThan(1_000), "It ended inside the second room.");
            Assert.That(await target.Rooms.FindAsync(second.RoomId, Stop), Is.Null);
        }

        await ImportAsync();

        await using (var target = await OpenTargetAsync(null))
        {
            var room = (await target.Rooms.FindAsync(second.RoomId, Stop))!;
            var events = await target.Events.RangeAsync(
                room.Nid, EventNid.FirstOf(room.Nid), null, Direction.Forward, 5_000, EventMarks.None, Stop);
            whole = events.Count;
            Assert.That(events.Select(static each => each.EventId).Distinct().Count(), Is.EqualTo(whole));
            Assert.That(room.Header.LastStep, Is.EqualTo(54));
        }

        Assert.That(whole, Is.EqualTo(second.Events.Count - 1));
        Assert.That(await FindingsAsync(), Has.Count.EqualTo(1));
        Assert.That(Log.Lines[^1], Does.Contain($"{whole + first.Events.Count} events (1 left out)"));
    }

    /// <summary>Runs the import until the source has given so many rows of events.</summary>
    private async Task ImportUntilAsync(int rows)
    {
        await using var plain = await Source.OpenAsync();
        var failing = new FailingDatabase(plain.Main, rows);
        await using var source = await SynapseSource.OpenAsync(failing, failing, Stop);
        var numbers = await StreamNumbers.ReadAsync(plain, Stop);
        await using var target = await OpenTargetAsync(numbers);
        var context = new ImportContext
        {
            Source = source,
            Target = target,
            ServerName = ServerName,
            Choices = Choices,
            Settings = Settings,
        };
        await new ImportRun(context, Log, Parts).ToEndAsync(numbers);
    }

    /// <summary>A database that ends after some rows of events.</summary>
    private sealed class FailingDatabase(ISourceDatabase database, int rows) : ISourceDatabase
    {
        private int _left = rows;

        public IReadOnlyDictionary<string, IReadOnlySet<string>> Tables => database.Tables;

        public bool IsPostgres => database.IsPostgres;

        public async IAsyncEnumerable<ISourceRow> RowsAsync(
            string sql, [EnumeratorCancellation] CancellationToken stop, params object?[] arguments)
        {
            await foreach (var row in database.RowsAsync(sql, stop, arguments))
            {
                var isEvent = sql.StartsWith(SourceEvent.Columns, StringComparison.Ordinal);
                if (isEvent && _left-- <= 0) throw new SourceException("It ended.");
                yield return row;
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
