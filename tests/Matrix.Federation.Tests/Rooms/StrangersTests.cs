using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events of servers without a joined user in the room: anybody may invent any number of these. What their events lack
/// is asked of them only, and they take no place of the events of the room's servers.
/// </summary>
public abstract class StrangersTests
{
    private const int Strangers = 4;

    private readonly List<PeerServer> _strangers = [];
    private PeerServer _member = null!;
    private ServerProcess _server = null!;
    private LocalUser _alice = null!;
    private PeerRoom _room = null!;
    private int _transactions;

    [SetUp]
    public async Task SetUpAsync()
    {
        _member = await PeerServer.StartAsync();
        for (var i = 0; i < Strangers; i++) _strangers.Add(await PeerServer.StartAsync());
        _server = await ServerProcess.StartAsync(NewDatabase(), ("MATRIX_FEDERATION__REMEMBERED_EVENTS", "3"));
        _alice = await LocalUser.RegisterAsync(_server, "alice");
        _room = await PeerRoom.JoinAsync(_server, _member.Peer, await _alice.CreateRoomAsync("11"), "bob");
        _member.Rooms[_room.RoomId] = _room;
        _member.Answers = false;
        foreach (var stranger in _strangers) stranger.Answers = false;
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _member.DisposeAsync();
        foreach (var stranger in _strangers) await stranger.DisposeAsync();
        _strangers.Clear();
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task They_displace_no_event_of_a_server_of_the_room_and_cause_no_request_to_it(bool restarts)
    {
        var late = _room.Say("bob", "late");
        Pdu[] waiting = [_room.Say("bob", "first"), _room.Say("bob", "second")];
        foreach (var pdu in waiting)
        {
            await SendAsync(_room, pdu);
            await RememberedAsync(pdu);
        }

        var asked = _member.Requests.Count;

        foreach (var stranger in _strangers)
        {
            var invented = new PeerRoom(stranger.Peer, "11", _room.RoomId);
            foreach (var pdu in _room.State.Values) invented.Takes(pdu);
            _ = invented.Say("eve", "unknown");
            var lacking = invented.Say("eve", "follows it");
            await SendAsync(invented, lacking);
            await RememberedAsync(lacking);
            Assert.That(stranger.Requests, Is.Not.Empty);
        }

        Assert.That(_member.Requests, Has.Count.EqualTo(asked));
        if (restarts)
        {
            await _server.Process.KillAsync();
            await _server.Process.StartAsync();
        }

        await SendAsync(_room, late);
        await Until.HoldsAsync(async () => (await _alice.GetAsync(
            $"rooms/{PeerRoom.Escape(_room.RoomId)}/event/{PeerRoom.Escape(waiting[1].EventId)}")).Status == 200);
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();

    private async Task SendAsync(PeerRoom room, Pdu pdu)
    {
        var reply = (await room.SendAsync(_server, $"t{++_transactions}", pdu)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    private Task RememberedAsync(Pdu pdu) =>
        Until.HoldsAsync(() => _server.Process.LoggedLines($"{pdu.EventId} in {_room.RoomId}").Count > 0);
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
