using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Room changes, read after the commit and read again from storage.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class RoomChangesTests(string kind)
{
    private static readonly RoomsOptions _options = new() { ServerName = RoomsWorld.Server, ChangesPerPage = 4 };
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts() => _world = await RoomsWorld.StartsAsync(kind);

    [TearDown]
    public async Task Stops() => await _world.DisposeAsync();

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task From_any_position_the_same_changes_are_read_again_as_after_the_commit(int seed)
    {
        var live = new Recorder();
        _world.Storage.Writer.AddConsumer(live);
        await LivesAsync(new Random(seed), 40);

        var positions = live.Read.Select(each => each.Position).Distinct().Prepend(0).ToList();
        foreach (var from in positions)
        {
            Assert.That(
                (await ReadAgainAsync(from)).Select(change => Text(change.Position, change.Change)),
                Is.EqualTo(live.Read.Where(each => each.Position > from).Select(each => each.Text)),
                $"from {from}");
        }
    }

    private RoomChangesReader Reader() => new(
        _world.Storage.Rooms,
        _world.Storage.Events,
        _world.Storage.Writer,
        _world.Rooms.Events,
        _world.Rooms.States,
        _options);

    private async Task<List<RoomChange>> ReadAgainAsync(long from)
    {
        var all = new List<RoomChange>();
        while (true)
        {
            var page = await Reader().AfterAsync(from, default);
            all.AddRange(page.Changes);
            if (page.Changes.Count == 0) return all;
            from = page.Through;
        }
    }

    /// <summary>Random concurrent requests: create, join, leave, send, set state, redact.</summary>
    private async Task LivesAsync(Random random, int acts)
    {
        string[] people = ["alice", "bob", "carol"];
        var rooms = new List<string> { await _world.CreatesRoomAsync("alice"), await _world.CreatesRoomAsync("alice") };
        var said = new List<(string Room, string EventId)>();
        for (var i = 0; i < acts; i++)
        {
            var who = people[random.Next(people.Length)];
            var room = rooms[random.Next(rooms.Count)];
            switch (random.Next(7))
            {
                case 0:
                    await _world.JoinsAsync(who, room);
                    break;
                case 1 when who != "alice":
                    await _world.Rooms.Memberships.LeaveAsync(RoomsWorld.Id(who), room, null, default);
                    break;
                case 2:
                    await _world.SetsAsync("alice", room, "m.room.topic", "", ("topic", Json.Of($"topic {i}")));
                    break;
                case 3 when said.Count > 0:
                    var (where, eventId) = said[random.Next(said.Count)];
                    await _world.RedactsAsync("alice", where, eventId);
                    break;
                case 4 when rooms.Count < 5:
                    rooms.Add(await _world.CreatesRoomAsync("alice"));
                    break;
                default:
                    var all = await Task.WhenAll(
                        Enumerable.Range(0, 3)
                            .Select(n => _world.SaysAsync("alice", rooms[n % rooms.Count], $"{i} {n}")));
                    said.AddRange(all.Select((result, n) => (rooms[n % rooms.Count], result.Value!)));
                    break;
            }
        }
    }

    /// <summary>
    /// A change in one line, without contents and headers: a later read returns their current values.
    /// </summary>
    private static string Text(long position, Change change) => $"{position} " + change switch
    {
        RoomCreated created => $"created {created.Room.RoomId} by {created.Creator}",
        EventsAppended appended => $"{appended.Room.RoomId} " + string.Join(' ', appended.Events.Select(stored =>
            $"{stored.Nid} {stored.EventId} {stored.Row.Step} {stored.Row.Position} {stored.Pdu.Type}")),
        EventRedacted redacted => $"{redacted.Nid} redacted by {redacted.By}",
        StateChanged changed => $"{changed.Room} {changed.Parent} {changed.Step} "
            + $"{Convert.ToHexString(changed.DeltaBytes.Span)} {Convert.ToHexString(changed.After!.Root.Span)}",
        MembershipChanged membership => membership.ToString()
            + $" {membership.Room} {membership.UserId} {membership.Before} {membership.After}"
            + $" {membership.Event} {membership.IsLocal}",
        _ => throw new ArgumentException("It is no change of a room that is read again.", nameof(change)),
    };

    private sealed class Recorder : IChangeConsumer
    {
        public List<(long Position, string Text)> Read { get; } = [];

        public void OnChange(Change change, long position)
        {
            if (change is RoomCreated or EventsAppended or EventRedacted or StateChanged or MembershipChanged)
                Read.Add((position, Text(position, change)));
        }

        public void Missed(long through) => throw new InvalidOperationException("The recorder cannot miss anything.");
    }
}
