using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.ListingRooms;

/// <summary>Summaries of rooms as JSON, the same for clients and servers.</summary>
internal static class Summaries
{
    /// <summary>A page of the directory.</summary>
    internal static void WritePage(Utf8JsonWriter json, PublishedPage page)
    {
        json.WriteStartArray("chunk");
        foreach (var room in page.Rooms)
        {
            json.WriteStartObject();
            Write(json, room);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteIfAny(json, "next_batch", page.Next);
        WriteIfAny(json, "prev_batch", page.Previous);
        if (page.Total is { } total) json.WriteNumber("total_room_count_estimate", total);
    }

    /// <summary>A room of a space, with its children.</summary>
    internal static void WriteRoom(Utf8JsonWriter json, HierarchyRoom room)
    {
        json.WriteStartObject();
        WriteDetails(json, room.Summary);
        json.WriteStartArray("children_state");
        foreach (var child in room.Children) json.WriteRawValue(JsonText.Write(child.Event), true);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The members of a summary, with those that the directory does not have.</summary>
    internal static void WriteDetails(Utf8JsonWriter json, RoomSummary room)
    {
        Write(json, room);
        json.WriteStartArray("allowed_room_ids");
        foreach (var allowed in room.AllowedRooms) json.WriteStringValue(allowed);
        json.WriteEndArray();
        WriteIfAny(json, "encryption", room.Encryption);
        WriteIfAny(json, "room_version", room.Version);
    }

    private static void Write(Utf8JsonWriter json, RoomSummary room)
    {
        WriteIfAny(json, "avatar_url", room.AvatarUrl);
        WriteIfAny(json, "canonical_alias", room.CanonicalAlias);
        json.WriteBoolean("guest_can_join", room.GuestsMayJoin);
        json.WriteString("join_rule", room.JoinRule);
        WriteIfAny(json, "name", room.Name);
        json.WriteNumber("num_joined_members", room.JoinedCount);
        json.WriteString("room_id", room.RoomId);
        WriteIfAny(json, "room_type", room.RoomType);
        WriteIfAny(json, "topic", room.Topic);
        json.WriteBoolean("world_readable", room.IsWorldReadable);
    }

    private static void WriteIfAny(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null) json.WriteString(name, value);
    }
}
