using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Acknowledged events that lack others which no server has: they are decided once these come, also after a restart.
/// Server-Server API, "Checks performed on receipt of a PDU".
/// </summary>
public abstract class RememberedEventsTests
{
    private PeerServer _peer = null!;
    private ServerProcess _server = null!;
    private LocalUser _alice = null!;
    private PeerRoom _room = null!;
    private int _transactions;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await ServerProcess.StartAsync(NewDatabase());
        _alice = await LocalUser.RegisterAsync(_server, "alice");
        _room = await PeerRoom.JoinAsync(_server, _peer.Peer, await _alice.CreateRoomAsync("11"), "bob");
        _peer.Rooms[_room.RoomId] = _room;
        _peer.Answers = false;
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_redaction_that_came_before_its_target_is_applied(bool restarts)
    {
        var said = _room.Say("bob", "regretted");
        var redaction = _room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });
        await SendAsync(redaction);
        await RememberedAsync(redaction, restarts);

        await SendAsync(said);

        await Until.HoldsAsync(async () => await ContentAsync(said) is { Count: 0 });
        var shown = (await _alice.GetAsync(
            $"rooms/{Escape(_room.RoomId)}/event/{Escape(said.EventId)}")).Is(200);
        Assert.That((string?)shown.Json["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        Assert.That(shown.Text, Does.Not.Contain("regretted"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task An_event_that_came_before_its_auth_event_is_shown(bool restarts)
    {
        var joined = _room.Make("carol", "m.room.member", _room.User("carol"), new() { ["membership"] = "join" });
        var said = _room.Say("carol", "here");
        Assert.That(said.AuthEvents, Does.Contain(joined.EventId));
        await SendAsync(said);
        await RememberedAsync(said, restarts);
        Assert.That(await ContentAsync(said), Is.Null);

        await SendAsync(joined);

        await Until.HoldsAsync(async () => (string?)(await ContentAsync(said))?["body"] == "here");
    }

    [Test]
    public async Task After_a_restart_they_are_searched_for_one_after_another_and_decided_all_the_same()
    {
        var latest = _room.Latest;
        List<Pdu> late = [];
        List<Pdu> said = [];
        for (var n = 1; n <= 8; n++)
        {
            _room.Latest = latest;
            late.Add(_room.Say("bob", $"late {n}"));
            _room.Latest = [late[^1]];
            said.Add(_room.Say("bob", $"{n}"));
        }

        await SendAsync([.. said]);
        foreach (var pdu in said) await RememberedAsync(pdu, restarts: false);
        await _server.Process.KillAsync();
        _server.Process.Settings["MATRIX_FEDERATION__RESUMED_SEARCHES_PER_MINUTE"] = "6";
        var before = _peer.Requests.Count;
        await _server.Process.StartAsync();
        await Until.HoldsAsync(() => Searched(before) > 0);
        await Task.Delay(500);
        Assert.That(Searched(before), Is.LessThan(said.Count / 2));
        await Until.HoldsAsync(() => Searched(before) > 1);

        await SendAsync([.. late]);

        foreach (var pdu in said) await Until.HoldsAsync(async () => await ContentAsync(pdu) is not null);
        Assert.That(Searched(before), Is.LessThan(said.Count));
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();

    /// <summary>The events for which the peer was asked for missing ones, since so many requests.</summary>
    private int Searched(int before) => _peer.Requests.Skip(before)
        .Count(target => target.Contains("get_missing_events", StringComparison.Ordinal));

    private static string Escape(string text) => PeerRoom.Escape(text);

    private async Task SendAsync(params Pdu[] pdus)
    {
        var reply = (await _room.SendAsync(_server, $"t{++_transactions}", pdus)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    /// <summary>Waits until the peer has answered that it has nothing, and restarts the server.</summary>
    private async Task RememberedAsync(Pdu pdu, bool restarts)
    {
        await Until.HoldsAsync(() => _server.Process.LoggedLines($"{pdu.EventId} in {_room.RoomId}").Count > 0);
        if (!restarts) return;
        await _server.Process.KillAsync();
        await _server.Process.StartAsync();
        var before = _peer.Requests.Count;
        await Until.HoldsAsync(() => _peer.Requests.Count > before);
    }

    private async Task<JsonObject?> ContentAsync(Pdu pdu)
    {
        var shown = await _alice.GetAsync($"rooms/{Escape(_room.RoomId)}/event/{Escape(pdu.EventId)}");
        return shown.Status == 200 ? shown.Json["content"]!.AsObject() : null;
    }
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteRememberedEventsTests : RememberedEventsTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresRememberedEventsTests : RememberedEventsTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);
    private int _databases;

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"remembered_{++_databases}");
}
