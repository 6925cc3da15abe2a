using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Tests.Storage;

/// <summary>Rows to write, with defaults for values that a test does not set.</summary>
internal static class Samples
{
    public const string Alice = "@alice:example.org";
    public const string Bob = "@bob:example.org";
    public const string Carol = "@carol:example.org";
    public const string Remote = "@remote:elsewhere.org";

    public static readonly RoomNid Kitchen = new(1);
    public static readonly RoomNid Garden = new(2);

    public static string RoomIdOf(RoomNid room) => $"!room{room}:example.org";

    /// <summary>An event id of versions 3 and later, the same for the same text.</summary>
    public static string EventId(string text) =>
        "$" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static EventNid Live(RoomNid room, uint place) => EventNid.Of(room, EventNid.FirstLiveOrdinal + place);

    public static ReadOnlyMemory<byte> Json(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> json) => Encoding.UTF8.GetString(json.Span);

    public static RoomIdentity Identity(RoomNid room) => new(room, RoomIdOf(room), RoomRules.Find("11")!);

    public static RoomCreated Room(RoomNid room, int joined = 0) =>
        new(Identity(room), Alice, new RoomHeader { JoinedCount = joined });

    /// <summary>Changes the room's header.</summary>
    public static RoomAdvanced Header(RoomNid room, RoomHeader header) =>
        new(Identity(room), new RoomHeader { LastOrdinal = uint.MaxValue, Depth = -1 }, header);

    public static string IdOf(EventNid nid) => EventId(nid.ToString());

    public static EventSample Event(EventNid nid, string sender = Alice) =>
        new() { Nid = nid, EventId = IdOf(nid), Sender = sender };

    /// <summary>A redaction of an event by another.</summary>
    public static EventRedacted Redacts(EventNid nid, EventNid by) =>
        new((Event(nid) with { RedactedBy = by, Content = "{}" }).ToStored());

    /// <summary>The change from one state to another, by default between empty ones.</summary>
    public static StateChanged Changes(RoomNid room, int step, StateTree? before = null, StateTree? after = null) =>
        new(room, step - 1, before ?? StateTree.Empty, step, after ?? StateTree.Empty);

    public static MembershipChanged Sets(
        RoomNid room, string user, Membership membership, EventNid nid, bool isLocal = true) =>
        new(room, user, null, membership, nid, isLocal);
}

/// <summary>An event to write.</summary>
internal sealed record EventSample
{
    public required EventNid Nid { get; init; }

    public required string EventId { get; init; }

    public required string Sender { get; init; }

    public int Step { get; init; } = 1;

    public EventMarks Marks { get; init; }

    public int NotifyClass { get; init; }

    public EventNid ThreadRoot { get; init; }

    public EventNid RedactedBy { get; init; }

    public SentAs? Transaction { get; init; }

    public UInt128? Request { get; init; }

    public string Type { get; init; } = "m.room.message";

    /// <summary>Its state key; null for a message.</summary>
    public string? StateKey { get; init; }

    /// <summary>Its content, as JSON; if null, the content has the number of the event.</summary>
    public string? Content { get; init; }

    public long Timestamp { get; init; } = 1;

    /// <summary>The number of additional bytes.</summary>
    public int Padding { get; init; }

    public ReadOnlyMemory<byte> Json => Samples.Json(
        $$"""{"auth_events":[],"content":{{Content ?? $"{{\"n\":\"{Nid}\"}}"}},"depth":1"""
            + $$""","hashes":{"sha256":"{{new string('x', Padding)}}"},"origin_server_ts":{{Timestamp}}"""
            + $$""","prev_events":[],"room_id":"{{Samples.RoomIdOf(Nid.Room)}}","sender":"{{Sender}}","signatures":{}"""
            + (StateKey is null ? "" : $",\"state_key\":\"{StateKey}\"")
            + $$""","type":"{{Type}}"}""");

    public StoredEvent ToStored() => new(
        Samples.Identity(Nid.Room),
        new EventRow(Nid, EventId, 0, Step, Marks, NotifyClass, Sender, ThreadRoot, RedactedBy, Transaction, Json));

    public EventsAppended ToChange() => new(Samples.Identity(Nid.Room), [ToStored()]) { Request = Request };

    /// <summary>The same event with a relation to another.</summary>
    public EventSample RelatedTo(string parent, string how, string? key = null)
    {
        var keyMember = key is null ? "" : $",\"key\":\"{key}\"";
        return this with
        {
            Content = $$"""{"m.relates_to":{"event_id":"{{parent}}"{{keyMember}},"rel_type":"{{how}}"} }""",
        };
    }

    public static implicit operator Change(EventSample sample) => sample.ToChange();
}
