using System.Text;
using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Benchmarks.Rules;

/// <summary>A room of version 12 with a prepared auth state, as in a lane, and events that are decided in it.</summary>
internal sealed class DecidedRoom
{
    private const string Version = "12";
    private const string Bob = "@bob:two.example";

    private readonly AuthRules _rules = AuthRules.Of(Version)!;
    private readonly EventFormat _format = EventFormat.ForVersion(Version)!;
    private readonly AuthSnapshot[] _states;
    private readonly AuthFacts _messageFacts;
    private readonly AuthFacts _joinFacts;
    private readonly Pdu _message;
    private readonly Pdu _join;
    private readonly byte[] _received;

    public DecidedRoom()
    {
        // A real room: its id is the hash of its create event, which received events name.
        var create = Made(
            "m.room.create", "", DrawnEvents.Alice, "",
            DrawnEvents.Content(("room_version", DrawnEvents.Text(Version))), [], []);
        var room = create.RoomId;
        var alice = Made(
            "m.room.member", DrawnEvents.Alice, DrawnEvents.Alice, room,
            DrawnEvents.Content(("membership", DrawnEvents.Text("join"))), [create.EventId], []);
        var levels = Made(
            "m.room.power_levels", "", DrawnEvents.Alice, room, DrawnEvents.Levels(Version, 0), [alice.EventId],
            [alice.EventId]);
        var rules = Made(
            "m.room.join_rules", "", DrawnEvents.Alice, room,
            DrawnEvents.Content(("join_rule", DrawnEvents.Text("public"))), [levels.EventId],
            [alice.EventId, levels.EventId]);
        var joinContent = DrawnEvents.Content(
            ("displayname", DrawnEvents.Text("Bob")), ("membership", DrawnEvents.Text("join")));
        var bob = Made("m.room.member", Bob, Bob, room, joinContent, [rules.EventId], [levels.EventId, rules.EventId]);
        var body = DrawnEvents.Content(
            ("body", DrawnEvents.Text(new string('x', 425))), ("msgtype", DrawnEvents.Text("m.text")));
        _message = Made("m.room.message", null, Bob, room, body, [bob.EventId], [bob.EventId, levels.EventId]);
        _join = Made(
            "m.room.member", Bob, Bob, room, joinContent, [bob.EventId], [bob.EventId, levels.EventId, rules.EventId]);
        _received = Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(_message.Canonical.Span)[..^1] + ",\"unsigned\":{\"age\":1234}}");
        if (_received.Length is < 1000 or > 1060)
        {
            throw new InvalidOperationException($"The event has {_received.Length} bytes, not 1 KB.");
        }

        AuthEvent[] prepared = [.. new[] { create, levels, rules, alice, bob }.Select(_rules.Read)];
        // Three states: by the auth events, before the event, and the current one.
        _states = [new AuthSnapshot(prepared), new AuthSnapshot(prepared), new AuthSnapshot(prepared)];
        _messageFacts = AuthFacts.OfAccepted([bob, levels]);
        _joinFacts = AuthFacts.OfAccepted([bob, levels, rules]);
        Expect(_rules.Decide(_message, _states[0], _messageFacts).IsOk
            && _rules.Decide(_join, _states[0], _joinFacts).IsOk);
        Receive();
    }

    public void DecideMessage() => Expect(_rules.Decide(_message, _states[0], _messageFacts).IsOk);

    public void DecideJoin() => Expect(_rules.Decide(_join, _states[0], _joinFacts).IsOk);

    /// <summary>Reads and decides an event from its bytes, without its signature.</summary>
    public void Receive()
    {
        var received = PduFormat.OfBytes(_format, _received).ResultValue;
        Expect(received.HashHolds && !received.SignedBytes.IsEmpty);
        var pdu = received.Pdu;
        foreach (var state in _states) Expect(_rules.Decide(pdu, state, _messageFacts).IsOk);
    }

    private Pdu Made(
        string type, string? key, string sender, string room, JsonObject content, string[] prev, string[] auth)
    {
        var unsigned = UnsignedEvent.Prepare(
            _format,
            new EventParts(
                room, "", sender, type, key, content, 1_700_000_000_000, 1234, prev, auth, [], [], null)).ResultValue;
        return unsigned.Sign([new Signature(sender.Split(':')[1], "ed25519:a_abcd", new byte[64])]).ResultValue;
    }

    private static void Expect(bool holds)
    {
        if (!holds) throw new InvalidOperationException("The room decided wrongly.");
    }
}
