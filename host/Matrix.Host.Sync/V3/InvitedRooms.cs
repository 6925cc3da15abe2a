using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Rooms that the user is invited to or knocks on, as stripped state. Client-Server API, "Stripped state".
/// </summary>
internal sealed class InvitedRooms(EventStore events, StateStore states)
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
        // The state at the time of the member event: users outside the room do not see later changes.
        var room = member.Room;
        var state = await states.AtAsync(room.Nid, member.Row.Step, stop);
        var nids = StrippedState.Of(state, inviter)
            .Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).Append(member.Nid);

        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        json.WriteStartObject(name);
        json.WriteStartArray("events"u8);
        using var stripped = new ByteBuffer(1024);
        foreach (var shown in await events.GetManyAsync(room, [.. nids.Distinct()], stop))
        {
            stripped.Clear();
            ClientEvent.WriteStripped(stripped, shown.Row.Json.Span);
            json.WriteRaw(stripped.Written);
        }

        json.WriteEndEvents();
        json.WriteEndObject();
    }
}
