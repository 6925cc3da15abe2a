using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events of servers without a joined user in the room: anybody may invent any number of these. What their events lack
/// is asked of them only, and they take no place of the events of the room's servers.
/// </summary>
public abstract class StrangersTests : UnansweredTests
{
    private const int Strangers = 4;

    private readonly List<PeerServer> _strangers = [];

    private protected override (string, string)[] Settings => [("MATRIX_FEDERATION__REMEMBERED_EVENTS", "3")];

    [SetUp]
    public async Task StartStrangersAsync()
    {
        for (var i = 0; i < Strangers; i++)
        {
            _strangers.Add(await PeerServer.StartAsync());
            _strangers[^1].Answers = false;
        }
    }

    [TearDown]
    public async Task StopStrangersAsync()
    {
        foreach (var stranger in _strangers) await stranger.DisposeAsync();
        _strangers.Clear();
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task They_displace_no_event_of_a_server_of_the_room_and_cause_no_request_to_it(bool restarts)
    {
        var late = Room.Say("bob", "late");
        Pdu[] waiting = [Room.Say("bob", "first"), Room.Say("bob", "second")];
        foreach (var pdu in waiting)
        {
            await SendAsync(Room, pdu);
            await LoggedAsync(pdu);
        }

        var asked = Peer.Requests.Count;

        foreach (var stranger in _strangers)
        {
            var invented = new PeerRoom(stranger.Peer, "11", Room.RoomId);
            foreach (var pdu in Room.State.Values) invented.Takes(pdu);
            _ = invented.Say("eve", "unknown");
            var lacking = invented.Say("eve", "follows it");
            await SendAsync(invented, lacking);
            await LoggedAsync(lacking);
            Assert.That(stranger.Requests, Is.Not.Empty);
        }

        Assert.That(Peer.Requests, Has.Count.EqualTo(asked));
        if (restarts) await RestartAsync();

        await SendAsync(Room, late);
        await Until.HoldsAsync(async () => (await Alice.GetAsync(
            $"rooms/{PeerRoom.Escape(Room.RoomId)}/event/{PeerRoom.Escape(waiting[1].EventId)}")).Status == 200);
    }
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteStrangersTests : StrangersTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresStrangersTests : StrangersTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);
    private int _databases;

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"strangers_{++_databases}");
}
