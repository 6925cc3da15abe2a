using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Tests.Storage;

/// <summary>Rows to write, with all that a test does not care about filled in.</summary>
internal static class Samples
{
    public const string Alice = "@alice:example.org";
    public const string Bob = "@bob:example.org";
    public const string Carol = "@carol:example.org";
    public const string Remote = "@remote:elsewhere.org";

    public static readonly RoomNid Kitchen = new(1);
    public static readonly RoomNid Garden = new(2);

    public static string RoomIdOf(RoomNid room) => $"!room{room}:example.org";

    /// <summary>An event id of the newer form, always the same for a text.</summary>
    public static string EventId(string text) =>
        "$" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text))).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static EventNid Live(RoomNid room, uint place) => EventNid.Of(room, EventNid.FirstLiveOrdinal + place);

    public static ReadOnlyMemory<byte> Json(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> json) => Encoding.UTF8.GetString(json.Span);

    public static CreateRoom Room(RoomNid room, int joined = 0) =>
        new(room, RoomIdOf(room), "12", Alice, new RoomHeader { JoinedCount = joined });

    public static string IdOf(EventNid nid) => EventId(nid.ToString());

    public static InsertEvent Event(EventNid nid, string sender = Alice) => new()
    {
        Nid = nid,
        EventId = IdOf(nid),
        Sender = sender,
        Step = 1,
        Json = Json($"{{\"n\":\"{nid}\"}}"),
    };
}
