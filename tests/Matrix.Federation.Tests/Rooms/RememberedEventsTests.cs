using System.Text.Json.Nodes;
using Matrix.Core.Event;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Acknowledged events that lack others which no server has: they are decided once these come, also after a restart.
/// Server-Server API, "Checks performed on receipt of a PDU".
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class RememberedEventsTests(string databaseKind) : UnansweredTests(databaseKind)
{
    [TestCase(false)]
    [TestCase(true)]
    public async Task A_redaction_that_came_before_its_target_is_applied(bool restarts)
    {
        var said = Room.Says("bob", "regretted");
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });
        await SendAsync(Room, redaction);
        await RememberedAsync(redaction, restarts);

        await SendAsync(Room, said);

        await Until.HoldsAsync(async () => await ContentAsync(said) is { Count: 0 });
        var shown = (await Alice.GetAsync(
            $"rooms/{Escape(Room.RoomId)}/event/{Escape(said.EventId)}")).Is(200);
        Assert.That((string?)shown.Json["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        Assert.That(shown.Text, Does.Not.Contain("regretted"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task An_event_that_came_before_its_auth_event_is_shown(bool restarts)
    {
        var joined = Room.Makes("carol", "m.room.member", Room.User("carol"), new() { ["membership"] = "join" });
        var said = Room.Says("carol", "here");
        Assert.That(said.AuthEvents, Does.Contain(joined.EventId));
        await SendAsync(Room, said);
        await RememberedAsync(said, restarts);
        Assert.That(await ContentAsync(said), Is.Null);

        await SendAsync(Room, joined);

        await Until.HoldsAsync(async () => (string?)(await ContentAsync(said))?["body"] == "here");
    }

    [Test]
    public async Task After_a_restart_they_are_searched_for_one_after_another_and_decided_all_the_same()
    {
        var latest = Room.Latest;
        List<Pdu> late = [];
        List<Pdu> said = [];
        for (var n = 1; n <= 8; n++)
        {
            Room.Latest = latest;
            late.Add(Room.Says("bob", $"late {n}"));
            Room.Latest = [late[^1]];
            said.Add(Room.Says("bob", $"{n}"));
        }

        await SendAsync(Room, [.. said]);
        foreach (var pdu in said) await LoggedAsync(pdu);
        await Server.Process.KillAsync();
        Server.Process.Settings["MATRIX_FEDERATION__RESUMED_SEARCHES_PER_MINUTE"] = "6";
        var before = Peer.Requests.Count;
        await Server.Process.StartAsync();
        await Until.HoldsAsync(() => Searched(before) > 0);
        await Task.Delay(500);
        Assert.That(Searched(before), Is.LessThan(said.Count / 2));
        await Until.HoldsAsync(() => Searched(before) > 1);

        await SendAsync(Room, [.. late]);

        foreach (var pdu in said) await Until.HoldsAsync(async () => await ContentAsync(pdu) is not null);
        Assert.That(Searched(before), Is.LessThan(said.Count));
    }

    /// <summary>The events for which the peer was asked for missing ones, since so many requests.</summary>
    private int Searched(int before) => Peer.Requests.Skip(before)
        .Count(target => target.Contains("get_missing_events", StringComparison.Ordinal));

    private static string Escape(string text) => PeerRoom.Escape(text);

    /// <summary>Waits until the peer has answered that it has nothing, and restarts the server.</summary>
    private async Task RememberedAsync(Pdu pdu, bool restarts)
    {
        await LoggedAsync(pdu);
        if (!restarts) return;
        await RestartAsync();
        var before = Peer.Requests.Count;
        await Until.HoldsAsync(() => Peer.Requests.Count > before);
    }

    private async Task<JsonObject?> ContentAsync(Pdu pdu)
    {
        var shown = await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/event/{Escape(pdu.EventId)}");
        return shown.Status == 200 ? shown.Json["content"]!.AsObject() : null;
    }
}
