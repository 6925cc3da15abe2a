using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.StrippedRooms;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Rooms that the user is invited to or knocks on, as stripped state. v1.19 client-server-api#stripped-state
/// </summary>
internal sealed class InvitedRooms(EventStore events, StrippedRoomReader stripped)
{
    /// <summary>Writes the room as a member of `invite`, unless the user ignores the inviter.</summary>
    public async ValueTask<bool> WriteInviteAsync(
        SyncPass pass, RoomSnapshot snapshot, EventNid invite, CancellationToken stop)
    {
        var stored = await events.GetAsync(snapshot.Room, invite, stop);
        if (stored is null || pass.Ignored.Contains(stored.Row.Sender)) return false;
        await WriteAsync(pass, stored, "invite_state", stored.Row.Sender, stop);
        return true;
    }

    /// <summary>Writes the room as a member of `knock`.</summary>
    public async ValueTask<bool> WriteKnockAsync(
        SyncPass pass, RoomSnapshot snapshot, EventNid knock, CancellationToken stop)
    {
        var stored = await events.GetAsync(snapshot.Room, knock, stop);
        if (stored is null) return false;
        await WriteAsync(pass, stored, "knock_state", inviter: null, stop);
        return true;
    }

    private async ValueTask WriteAsync(
        SyncPass pass, StoredEvent member, string name, string? inviter, CancellationToken stop)
    {
        var shown = await stripped.StateAsync(member, inviter, stop);
        var json = pass.Json;
        json.WriteStartObject(member.Room.RoomId);
        json.WriteStartObject(name);
        json.WriteStartArray("events"u8);
        StrippedRoomReader.Write(json, shown);
        json.WriteEndEvents();
        json.WriteEndObject();
    }
}
