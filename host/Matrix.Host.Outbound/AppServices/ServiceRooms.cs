using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>One batch of events of a room, with the local users whose membership it changed.</summary>
internal sealed record ServiceBatch(
    RoomIdentity Room, long Position, IReadOnlyList<StoredEvent> Events, IReadOnlyList<MembershipChanged> Memberships);

/// <summary>
/// The rooms that a service is interested in: those with joined users of the service, and those whose id or alias is in
/// its namespaces. The users are counted from the memberships once, and then follow the changes; if the room has moved
/// on when they are counted, they are counted from its state at the position of the batch. So a service that was
/// unreachable gets what it would have got. Not thread-safe. v1.19 application-service-api#registration
/// </summary>
internal sealed class ServiceRooms(
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    AliasesTable aliasesTable,
    EventStore events,
    StateStore states,
    RoomSnapshots rooms,
    AppServiceOptions options)
{
    private const int EventsAtOnce = 500;
    private const int BytesOfRoom = 150;

    private readonly ByteCache<RoomNid, Counted> _counted = new(options.RoomCacheBytes / 2, static _ => BytesOfRoom);

    /// <summary>Whether rooms have a user of the service now, by the members among whom it was looked for.</summary>
    private readonly ByteCache<RoomNid, Present> _present = new(options.RoomCacheBytes / 2, static _ => BytesOfRoom);

    /// <summary>Drops all that is known, as when the namespaces have changed.</summary>
    internal void Clear()
    {
        _counted.Clear();
        _present.Clear();
    }

    /// <summary>
    /// Whether a service wants all events of a batch. The caller passes the batches of a room in order, each once.
    /// </summary>
    /// <param name="service">The service.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="aliasVersion">Changes whenever an alias was created or deleted.</param>
    internal async ValueTask<bool> WantsAsync(
        AppService service, ServiceBatch batch, long aliasVersion, CancellationToken stop)
    {
        var nid = batch.Room.Nid;
        var change = 0;
        foreach (var changed in batch.Memberships)
        {
            var joins = (changed.After == Membership.Join ? 1 : 0) - (changed.Before == Membership.Join ? 1 : 0);
            if (joins != 0 && service.HasUser(changed.UserId)) change += joins;
        }

        if (!_counted.TryGet(nid, out var counted))
        {
            counted = new Counted
            {
                Joined = await CountAsync(service, nid, batch.Position, stop) - change,
            };
            _counted.Put(nid, counted);
        }

        var before = counted.Joined;
        counted.Joined += change;
        if (before > 0 || counted.Joined > 0 || service.HasRoom(batch.Room.RoomId)) return true;
        return service.Namespaces.Aliases.Count > 0
            && await HasAliasAsync(service, nid, counted, aliasVersion, stop);
    }

    /// <summary>
    /// Whether the service is interested in a room as it is now, wherever its events are that it has got so far.
    /// </summary>
    internal async ValueTask<bool> WantsNowAsync(AppService service, RoomSnapshot room, CancellationToken stop)
    {
        if (HasUserIn(service, room) || service.HasRoom(room.Room.RoomId)) return true;
        if (service.Namespaces.Aliases.Count == 0) return false;
        var aliases = await aliasesTable.OfRoomAsync(room.Room.Nid, stop);
        return aliases.Any(service.HasAlias);
    }

    /// <summary>Whether a local user is joined to a room now, so that other servers send its events here.</summary>
    internal async ValueTask<bool> IsHereAsync(string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { IsResident: true };

    /// <summary>Whether a user of the service is joined to one of the rooms now.</summary>
    internal async ValueTask<bool> HasUserInAsync(
        AppService service, IEnumerable<RoomNid> among, CancellationToken stop)
    {
        foreach (var nid in among)
        {
            if (await rooms.FindAsync(nid, stop) is { } room && HasUserIn(service, room))
            {
                return true;
            }
        }

        return false;
    }

    private bool HasUserIn(AppService service, RoomSnapshot room)
    {
        var nid = room.Room.Nid;
        if (_present.TryGet(nid, out var known) && ReferenceEquals(known.Among, room.Local)) return known.HasUser;
        var present = new Present(room.Local, room.Local.Joined.Any(service.HasUser));
        _present.Put(nid, present);
        return present.HasUser;
    }

    private async ValueTask<bool> HasAliasAsync(
        AppService service, RoomNid room, Counted counted, long aliasVersion, CancellationToken stop)
    {
        if (counted.AliasVersion == aliasVersion) return counted.HasAlias;
        var aliases = await aliasesTable.OfRoomAsync(room, stop);
        counted.HasAlias = aliases.Any(service.HasAlias);
        counted.AliasVersion = aliasVersion;
        return counted.HasAlias;
    }

    private async ValueTask<int> CountAsync(AppService service, RoomNid room, long position, CancellationToken stop)
    {
        var step = await roomsTable.CurrentStepAtAsync(room, position, stop);
        var joined = await membershipsTable.LocalMembersAsync(room, MembershipSet.Join, stop);

        // Read last: if this is the same state, the memberships were those of the position.
        var now = await roomsTable.CurrentStepAtAsync(room, long.MaxValue, stop);
        return now == step
            ? joined.Count(member => service.HasUser(member.UserId))
            : await CountInStateAsync(service, room, step, stop);
    }

    private async ValueTask<int> CountInStateAsync(AppService service, RoomNid nid, int step, CancellationToken stop)
    {
        if (await roomsTable.FindAsync(nid, stop) is not { } row) return 0;
        var state = await states.AtAsync(nid, step, stop);
        var users = state.OfType(EventTypes.Member)
            .Where(entry => service.HasUser(entry.StateKey))
            .Select(entry => EventNid.Of(nid, entry.Ordinal));
        var count = 0;
        foreach (var some in users.Chunk(EventsAtOnce))
        {
            var members = await events.GetManyAsync(row.Identity, some, stop);
            count += members.Count(static member => LaneState.MembershipOf(member.Pdu) == Membership.Join);
        }

        return count;
    }

    private sealed record Present(LocalMembers Among, bool HasUser);

    private sealed class Counted
    {
        internal int Joined { get; set; }

        internal bool HasAlias { get; set; }

        internal long AliasVersion { get; set; } = -1;
    }
}
