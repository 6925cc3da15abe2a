using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;

namespace Matrix.Host.Sync.V3;

/// <summary>Invited rooms, as stripped state. Client-Server API, "Stripped state".</summary>
internal sealed class InvitedRooms(EventStore events, StateStore states)
{
    /// <summary>The state that identifies a room to an invited user.</summary>
    private static readonly string[] _shown =
    [
        "m.room.create", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.join_rules",
        "m.room.canonical_alias", "m.room.encryption",
    ];

    /// <summary>Writes the room as a member of `invite`, unless the user ignores the inviter.</summary>
    public async ValueTask<bool> WriteAsync(
        SyncPass pass, RoomSnapshot snapshot, EventNid invite, CancellationToken stop)
    {
        var room = snapshot.Room;
        var stored = await events.GetAsync(room, invite, stop).ConfigureAwait(false);
        if (stored is null || pass.Ignored.Contains(stored.Row.Sender)) return false;

        // The state at the time of the invitation: an invited user does not see later changes.
        var state = await states.AtAsync(room.Nid, stored.Row.Step, stop).ConfigureAwait(false);
        var nids = new List<EventNid>(_shown.Length + 2);
        foreach (string type in _shown)
        {
            if (state.Find(type, "") is { } entry) nids.Add(EventNid.Of(room.Nid, entry.Ordinal));
        }

        if (state.Find("m.room.member", stored.Row.Sender) is { } inviter)
        {
            nids.Add(EventNid.Of(room.Nid, inviter.Ordinal));
        }

        nids.Add(invite);

        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        json.WriteStartEvents("invite_state"u8);
        using var stripped = new ByteBuffer(1024);
        foreach (var shown in await events.GetManyAsync(room, [.. nids.Distinct()], stop).ConfigureAwait(false))
        {
            stripped.Clear();
            ClientEvent.WriteStripped(stripped, shown.Row.Json.Span);
            json.WriteRaw(stripped.Written);
        }

        json.WriteEndEvents();
        json.WriteEndObject();
        return true;
    }
}
