using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.StrippedRooms;

/// <summary>
/// Reads and writes rooms that users know, or knew, only by an invite or knock. v1.19 client-server-api#stripped-state.
/// </summary>
internal sealed class StrippedRoomReader(StrippedRoomsTable strippedRoomsTable, EventStore events, StateStore states)
{
    /// <summary>Whether such rooms of other servers may have changed after a position.</summary>
    public static bool MayHave(UserStream? stream, long after) =>
        stream is null || after < stream.KnownSince || stream.LastStrippedRooms > after;

    /// <summary>The rooms of other servers that changed after one position and up to another.</summary>
    public ValueTask<IReadOnlyList<StrippedRoomRow>> OfUserAsync(
        string userId, long after, long upTo, CancellationToken stop) =>
        strippedRoomsTable.OfUserAsync(userId, after, upTo, stop);

    /// <summary>
    /// The stripped state of a room of this server as of an invite or knock: users outside the room do not see later
    /// changes.
    /// </summary>
    /// <param name="inviter">The sender of an invite; null for a knock.</param>
    public async ValueTask<IReadOnlyList<StoredEvent>> StateAsync(
        StoredEvent member, string? inviter, CancellationToken stop)
    {
        var room = member.Room;
        var state = await states.AtAsync(room.Nid, member.Row.Step, stop);
        var nids = StrippedState.Of(state, inviter)
            .Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).Append(member.Nid);
        return await events.GetManyAsync(room, [.. nids.Distinct()], stop);
    }

    /// <summary>Writes stripped events as elements of an array.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<StoredEvent> shown)
    {
        using var stripped = new ByteBuffer(1024);
        foreach (var stored in shown)
        {
            stripped.Clear();
            ClientEvent.WriteStripped(stripped, stored.Row.Json.Span);
            json.WriteRaw(stripped.Written);
        }
    }
}
