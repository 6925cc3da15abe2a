using System.Text.Json;
using Matrix.Host.Rooms.Administration;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>Rooms in responses of the administration API.</summary>
internal static class RoomJson
{
    /// <summary>The members that a list and the details of a room have in common.</summary>
    internal static void Write(Utf8JsonWriter json, ListedRoom room)
    {
        var summary = room.Summary;
        json.WriteString("room_id", summary.RoomId);
        json.WriteString("name", summary.Name);
        json.WriteString("canonical_alias", summary.CanonicalAlias);
        json.WriteNumber("joined_members", summary.JoinedCount);
        json.WriteNumber("joined_local_members", room.LocalMembers);
        json.WriteString("version", summary.Version);
        json.WriteString("creator", room.Creator);
        json.WriteString("encryption", summary.Encryption);
        json.WriteBoolean("federatable", room.IsFederatable);
        json.WriteBoolean("public", room.IsPublished);
        json.WriteString("join_rules", summary.JoinRule);
        json.WriteString("guest_access", room.GuestAccess);
        json.WriteString("history_visibility", room.HistoryVisibility);
        json.WriteNumber("state_events", room.StateEvents);
        json.WriteString("room_type", summary.RoomType);
    }
}
