using Matrix.Host.Storage;
using Matrix.Import.Federation;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Federation;

/// <summary>The events that other servers are owed after an import, by those that Synapse had not sent.</summary>
internal sealed class OwedEventsTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables =>
        [FederationTables.Destinations, FederationTables.DestinationRooms, FederationTables.Positions];

    protected override IReadOnlyList<IImportPart> Parts => [];

    [Test]
    public async Task A_server_is_owed_the_newest_event_of_each_room_that_it_has_not_taken()
    {
        var server = await StartAsync();
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync();
        var other = await alice.CreatesRoomAsync();
        var (first, newest) = (await alice.SaysAsync(roomId, "one"), await alice.SaysAsync(roomId, "two"));
        var elsewhere = await alice.SaysAsync(other, "three");
        await StopServerAsync();
        await EventAsync(101, roomId, first);
        await EventAsync(102, roomId, newest);
        await EventAsync(103, other, elsewhere);
        await Source.InsertAsync(
            "destinations", ("destination", "behind.org"), ("last_successful_stream_ordering", 101L));
        await Source.InsertAsync(
            "destinations", ("destination", "level.org"), ("last_successful_stream_ordering", 103L));
        await OwedAsync("behind.org", roomId, 102);
        await OwedAsync("behind.org", other, 99);
        await OwedAsync("behind.org", "!left-out:x", 103);
        await OwedAsync("level.org", roomId, 102);
        await OwedAsync("never.org", other, 103);
        await OwedAsync("purged.org", other, 150);

        await using var source = await Source.OpenAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        await PartRun.RunAsync(new OwedEventsPart(), source, target, ServerName, Settings);

        var rows = await target.Destinations.PendingAsync("", default, 9, Stop);
        var owed = new List<(string, string)>();
        foreach (var row in rows)
        {
            var nid = EventNid.Of(row.Room, row.Ordinals.Single());
            owed.Add((row.ServerName, (await target.Events.IdsAsync([nid], Stop))[nid]));
        }

        Assert.That(owed, Is.EqualTo(new[] { ("behind.org", newest), ("never.org", elsewhere) }));
        Assert.That(rows.Select(static row => row.IsOpen), Is.All.False);
        var findings = await target.Imports.FindingsAsync("", 0, 9, Stop);
        Assert.That(findings.Single().Subject, Is.EqualTo($"purged.org {other}"));
    }

    private Task EventAsync(long ordering, string roomId, string eventId) => Source.InsertAsync(
        "events",
        ("stream_ordering", ordering),
        ("topological_ordering", ordering),
        ("event_id", eventId),
        ("type", "m.room.message"),
        ("room_id", roomId),
        ("outlier", false));

    private Task OwedAsync(string server, string roomId, long ordering) => Source.InsertAsync(
        "destination_rooms", ("destination", server), ("room_id", roomId), ("stream_ordering", ordering));
}
