using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Streams.Streams.StrippedRooms;

/// <summary>
/// The user's member event in a room that they know, or knew, only by an invite or knock. An invite, a knock or a
/// deleted room can end without an event. Clients go on showing the room until a member event says that the user left,
/// so they are sent a leave that is made here. It is in no room and is not stored; its id is that of no event.
/// </summary>
internal sealed class StrippedMember
{
    private readonly StrippedRoomRow _room;
    private readonly string _eventId;

    private StrippedMember(StrippedRoomRow room, string eventId, ReadOnlyMemory<byte> json) =>
        (_room, _eventId, Json) = (room, eventId, json);

    /// <summary>The event in canonical JSON.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>The event of a user's room.</summary>
    public static StrippedMember Of(string userId, StrippedRoomRow room) => room.Event.Length > 0
        ? new StrippedMember(room, room.EventId, room.Event)
        : new StrippedMember(room, IdOf(userId, room), Leave(userId, room));

    /// <summary>Writes the event as clients read it, with its room's id if the response does not give that.</summary>
    public void Write(ByteBuffer output, bool withRoomId)
    {
        // The version matters to redactions only.
        var rules = RoomRules.FindUnstable(_room.Version) ?? RoomRules.Find(RoomRules.Recommended)!;
        var form = ClientEvent.FormOf(rules.Format, _eventId, Json.Span);
        var unsigned = default(UnsignedParts);
        ClientEvent.Write(output, form, withRoomId ? _room.RoomId : null, in unsigned);
    }

    /// <summary>The sender and the content of the event.</summary>
    public (string Sender, JsonObject Content) Read()
    {
        var member = JsonText.TryParseStored(Json.Span, out var parsed) ? parsed : JsonObject.Empty;
        var content = JsonText.TryGet(member, "content", out var value) && value is Matrix.Core.Json.Json.Object inner
            ? inner.Item
            : JsonObject.Empty;
        return (member.Text("sender") ?? _room.Sender, content);
    }

    private static string IdOf(string userId, StrippedRoomRow room)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{room.RoomId}\n{userId}\n{room.Position}"));
        return "$" + Base64Url.EncodeToString(hash);
    }

    private static byte[] Leave(string userId, StrippedRoomRow room)
    {
        using var json = new ByteBuffer(512);
        json.Raw("{\"content\":{\"membership\":\"leave\"},\"origin_server_ts\":"u8);
        CanonicalJson.WriteInt(json, room.EndedAt);
        json.Raw(",\"room_id\":"u8);
        CanonicalJson.WriteString(json, room.RoomId);
        json.Raw(",\"sender\":"u8);
        CanonicalJson.WriteString(json, userId);
        json.Raw(",\"state_key\":"u8);
        CanonicalJson.WriteString(json, userId);
        json.Raw(",\"type\":\"m.room.member\"}"u8);
        return json.ToArray();
    }
}
