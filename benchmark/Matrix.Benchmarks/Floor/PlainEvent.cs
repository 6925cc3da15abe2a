using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Benchmarks.Floor;

/// <summary>An event as large as a plain message of 200 bytes in a room of version 12.</summary>
internal static class PlainEvent
{
    private const string Sender = "@someone-or-other:hybrid.test";

    private static readonly string Id = "$" + new string('A', 43);
    private static readonly string Signature = new('A', 86);

    /// <summary>Its canonical bytes.</summary>
    public static byte[] Json(string body) => Encoding.UTF8.GetBytes(
        $$$"""{"auth_events":["{{{Id}}}","{{{Id}}}"],"content":{"body":"{{{body}}}","msgtype":"m.text"},"depth":1000"""
            + $$$""","hashes":{"sha256":"{{{Id[1..]}}}"},"origin_server_ts":1700000000000,"prev_events":["{{{Id}}}"]"""
            + $$$""","room_id":"!{{{Id[1..]}}}","sender":"@someone-or-other:hybrid.test","signatures":{"hybrid.test":"""
            + $$$"""{"ed25519:a_abcd":"{{{Signature}}}"}},"type":"m.room.message"}""");

    /// <summary>The room of that number, of version 12.</summary>
    public static RoomIdentity Room(RoomNid room) => new(room, "!" + Id[1..], Rules);

    /// <summary>The one change that the floor commits.</summary>
    public static EventsAppended Message(EventNid nid) =>
        new(Room(nid.Room), [new StoredEvent(Room(nid.Room), Row(nid, 1, Sender, EventMarks.None, Template), Parsed)]);

    /// <summary>A remote user's join.</summary>
    public static StoredEvent Join(RoomIdentity room, EventNid nid, int step, string userId) => new(
        room,
        Row(nid, step, userId, EventMarks.State, Encoding.UTF8.GetBytes(
            $$$"""{"auth_events":["{{{Id}}}","{{{Id}}}"],"content":{"membership":"join"},"depth":1000,"hashes":"""
                + $$$"""{"sha256":"{{{Id[1..]}}}"},"origin_server_ts":1700000000000,"prev_events":["{{{Id}}}"]"""
                + $$$""","room_id":"!{{{Id[1..]}}}","sender":"{{{userId}}}","signatures":{"remote.example":"""
                + $$$"""{"ed25519:a_abcd":"{{{Signature}}}"}},"state_key":"{{{userId}}}","type":"m.room.member"}""")));

    private static EventRow Row(EventNid nid, int step, string sender, EventMarks marks, byte[] json) =>
        new(nid, RandomId(), 0, step, marks, 0, sender, EventNid.None, EventNid.None, null, json);

    private static string RandomId()
    {
        Span<byte> id = stackalloc byte[32];
        RandomNumberGenerator.Fill(id);
        return "$" + Convert.ToBase64String(id).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private static readonly RoomRules Rules = RoomRules.Find("12")!;
    private static readonly byte[] Template = Json(Matrix.LoadGen.Servers.Account.Sentence);
    private static readonly Pdu Parsed = Rules.ParseStored(Id, Template);
}
