using Matrix.Core.Event;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events of servers without a joined user in the room: anybody may invent any number of these. What their events lack
/// is asked of them only, and they take no place of the events of the room's servers.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class StrangersTests(string databaseKind) : UnansweredTests(databaseKind)
{
    private const int Strangers = 4;

    private readonly List<PeerServer> _strangers = [];

    private protected override (string, string)[] Settings => [("federation.remembered_events", "3")];

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
        var late = Room.Says("bob", "late");
        Pdu[] waiting = [Room.Says("bob", "first"), Room.Says("bob", "second")];
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
            _ = invented.Says("eve", "unknown");
            var lacking = invented.Says("eve", "follows it");
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
