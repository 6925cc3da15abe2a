using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Reads what filters look at in the state of rooms: their type, encryption, and the children of spaces.
/// </summary>
internal sealed class FilteredRoomReader(RoomSnapshots snapshots, EventStore events)
{
    /// <summary>The room with its facts, as far as they may have changed.</summary>
    public async ValueTask<RoomEntry> ReadAsync(RoomEntry room, CancellationToken stop)
    {
        if (room.Stripped is not null) return room;
        if (room.Nid is not { } nid) return room with { KnowsState = true };
        if (await snapshots.FindAsync(nid, stop) is not { } snapshot) return room;
        var isEncrypted = snapshot.State.Find(EventTypes.Encryption, "") is not null;
        if (room.KnowsType)
        {
            return room.IsEncrypted == isEncrypted ? room : room with { IsEncrypted = isEncrypted, KnowsState = true };
        }

        var create = await EventAsync(snapshot, EventTypes.Create, "", stop);
        return room with
        {
            KnowsState = true,
            IsEncrypted = isEncrypted,
            KnowsType = create is not null,
            RoomType = create?.Pdu.Content.Text("type"),
        };
    }

    /// <summary>
    /// The rooms that joined spaces name as their children. Further spaces below them are not followed.
    /// </summary>
    public async ValueTask<IReadOnlySet<string>> ChildrenAsync(
        IReadOnlyList<RoomEntry> spaces, CancellationToken stop)
    {
        var children = new HashSet<string>(StringComparer.Ordinal);
        foreach (var space in spaces)
        {
            if (space is not { Membership: Membership.Join, Nid: { } nid }) continue;
            if (await snapshots.FindAsync(nid, stop) is not { } snapshot) continue;
            var entries = snapshot.State.OfType(EventTypes.SpaceChild);
            var found = await events.GetManyAsync(
                snapshot.Room, [.. entries.Select(entry => EventNid.Of(nid, entry.Ordinal))], stop);

            // A child without `via` was removed. v1.19 client-server-api#mspacechild-relationship
            foreach (var child in found)
            {
                if (child.Pdu.Content.Has("via") && child.Pdu.StateKey is { } roomId) children.Add(roomId);
            }
        }

        return children;
    }

    /// <summary>The same facts of a room of other servers, by its stripped state.</summary>
    public static (bool? IsEncrypted, bool KnowsType, string? RoomType) OfStripped(StrippedRoomRow row)
    {
        if (!JsonText.TryParseArray(row.State.Span, out var state)) return (null, false, null);
        bool? isEncrypted = null;
        var knowsType = false;
        string? roomType = null;
        foreach (var each in state)
        {
            if (each is not Json.Object { Item: var one }) continue;
            if (one.Text("type") == EventTypes.Encryption) isEncrypted = true;
            if (one.Text("type") != EventTypes.Create) continue;

            // The create event comes with the encryption, if there is any.
            isEncrypted ??= false;
            knowsType = true;
            roomType = one.IndexOf("content") is >= 0 and var at && one.Value(at) is Json.Object { Item: var content }
                ? content.Text("type")
                : null;
        }

        return (isEncrypted, knowsType, roomType);
    }

    private async ValueTask<StoredEvent?> EventAsync(
        RoomSnapshot snapshot, string type, string key, CancellationToken stop) =>
        snapshot.State.Find(type, key) is { } entry
            ? await events.GetAsync(snapshot.Room, EventNid.Of(snapshot.Room.Nid, entry.Ordinal), stop)
            : null;
}
