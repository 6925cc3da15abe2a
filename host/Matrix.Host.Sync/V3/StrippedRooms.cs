using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Rooms of other servers that the user knows only by an invite or knock. v1.19 client-server-api#syncing:
/// `InvitedRoom`, `KnockedRoom` and `LeftRoom`.
/// </summary>
internal static class StrippedRooms
{
    /// <summary>Writes a room as a member of `invite` or `knock`, unless the user ignores the inviter.</summary>
    public static bool WriteOpen(SyncPass pass, StrippedRoomRow room, ReadOnlySpan<byte> name)
    {
        if (pass.Ignored.Contains(room.Sender)) return false;
        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        json.WriteStartObject(name);
        json.WritePropertyName("events"u8);
        json.WriteRaw(room.State.Span);
        json.WriteEndObject();
        json.WriteEndObject();
        return true;
    }

    /// <summary>Writes a room whose invite or knock ended as a member of `leave`: only that event.</summary>
    public static bool WriteEnded(SyncPass pass, StrippedRoomRow room)
    {
        var member = StrippedMember.Of(pass.Reader.UserId, room);
        using var written = new ByteBuffer(1024);
        if (pass.Filter.IsFederationFormat) written.Raw(member.Json.Span);
        else member.Write(written, withRoomId: false);
        using var shown = new ByteBuffer(1024);
        RoomEvents.WriteMasked(pass, shown, written);

        var (sender, content) = member.Read();
        var place = LoneDeparture.Of(pass, room.RoomId, sender, content);
        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        if (place.InState || pass.Request.UsesStateAfter)
        {
            json.WriteStartEvents(RoomWriter.StateName(pass));
            if (place.InState) json.WriteRaw(shown.Written);
            json.WriteEndEvents();
        }

        json.WriteStartEvents("timeline"u8);
        if (place.InTimeline) json.WriteRaw(shown.Written);
        json.WriteEndArray();
        json.WriteBoolean("limited"u8, false);
        json.WriteEndObject();
        json.WriteEndObject();
        return true;
    }
}
