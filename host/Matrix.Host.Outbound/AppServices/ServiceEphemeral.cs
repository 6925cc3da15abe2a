using Matrix.Core.Json;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Presence;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Receipts, typing users and changes of presence that a service has not got yet, in memory. What is beyond the bound
/// is dropped. v1.19 application-service-api#pushing-ephemeral-data
/// </summary>
internal sealed class ServiceEphemeral(
    IMembershipsTable membershipsTable,
    RoomSnapshots rooms,
    TypingRooms typing,
    PresenceBoard presence,
    AppServiceOptions options)
{
    private readonly Lock _gate = new();
    private Dictionary<(RoomNid Room, string User, string Type, string Thread), ReceiptMoved> _receipts = [];
    private HashSet<RoomNid> _typing = [];

    /// <summary>The users whose presence changed, and whether they are local.</summary>
    private Dictionary<string, bool> _present = new(StringComparer.Ordinal);

    /// <summary>Whether something waits.</summary>
    internal bool Any
    {
        get
        {
            lock (_gate) return _receipts.Count > 0 || _typing.Count > 0 || _present.Count > 0;
        }
    }

    /// <summary>A receipt was moved.</summary>
    internal void Moved(ReceiptMoved receipt)
    {
        var key = (receipt.Room, receipt.UserId, receipt.Type, receipt.ThreadId);
        lock (_gate)
        {
            if (_receipts.Count < options.MaxEphemeral || _receipts.ContainsKey(key)) _receipts[key] = receipt;
        }
    }

    /// <summary>A receipt was moved before those that wait.</summary>
    internal void Restore(ReceiptMoved receipt)
    {
        var key = (receipt.Room, receipt.UserId, receipt.Type, receipt.ThreadId);
        lock (_gate)
        {
            if (_receipts.Count < options.MaxEphemeral) _receipts.TryAdd(key, receipt);
        }
    }

    /// <summary>The typing users of a room changed.</summary>
    internal void TypingChanged(RoomNid room)
    {
        lock (_gate)
        {
            if (_typing.Count < options.MaxEphemeral) _typing.Add(room);
        }
    }

    /// <summary>A user's presence changed.</summary>
    internal void PresenceChanged(string userId, bool isLocal)
    {
        lock (_gate)
        {
            if (_present.Count < options.MaxEphemeral) _present[userId] = isLocal;
        }
    }

    /// <summary>The service does not answer: who types now, or is present, means nothing by the time it does.</summary>
    internal void DropPassing()
    {
        lock (_gate)
        {
            _typing.Clear();
            _present.Clear();
        }
    }

    /// <summary>Takes what waits, as JSON events; those of rooms have a `room_id`.</summary>
    internal async ValueTask<IReadOnlyList<Json>> TakeAsync(
        AppService service, ServiceRooms interest, CancellationToken stop)
    {
        Dictionary<(RoomNid Room, string User, string Type, string Thread), ReceiptMoved> receipts;
        HashSet<RoomNid> typed;
        Dictionary<string, bool> present;
        lock (_gate)
        {
            (receipts, _receipts) = (_receipts, []);
            (typed, _typing) = (_typing, []);
            (present, _present) = (_present, new(StringComparer.Ordinal));
        }

        var events = new List<Json>();
        foreach (var ofRoom in receipts.Values.GroupBy(static receipt => receipt.Room))
        {
            if (await RoomAsync(service, interest, ofRoom.Key, stop) is not { } room) continue;
            var shown = ofRoom.Where(
                receipt => receipt.Type != ReceiptTypes.ReadPrivate || service.HasUser(receipt.UserId)).ToArray();

            // An event has room for one receipt of a user: of those in several threads each has an event.
            var layers = shown.GroupBy(static receipt => (receipt.EventId, receipt.Type, receipt.UserId))
                .SelectMany(static ofUser => ofUser.Index())
                .GroupBy(static each => each.Index, static each => each.Item);
            events.AddRange(layers.Select(layer => ReceiptFormat.EventOf(
                room.Room.RoomId, layer.Select(static moved => ReceiptMark.Of(moved, 0)), withThreads: true)));
        }

        foreach (var nid in typed)
        {
            if (await RoomAsync(service, interest, nid, stop) is not { } room) continue;
            events.Add(TypingFormat.EventOf(room.Room.RoomId, typing.In(nid)));
        }

        foreach (var (userId, isLocal) in present)
        {
            if (presence.Find(userId) is { } seen
                && await ConcernsAsync(service, interest, userId, isLocal, stop))
            {
                events.Add(PresenceFormat.EventOf(seen, withActivity: true));
            }
        }

        return events;
    }

    /// <summary>Whether a user is one of the service, or shares a room with one.</summary>
    private async ValueTask<bool> ConcernsAsync(
        AppService service, ServiceRooms interest, string userId, bool isLocal, CancellationToken stop)
    {
        if (service.HasUser(userId)) return true;
        IEnumerable<RoomNid> joined = isLocal
            ? (await membershipsTable.RoomsOfAsync(userId, MembershipSet.Join, stop))
                .Select(static row => row.Room)
            : (await membershipsTable.SharedRoomsAsync([userId], stop))
                .Select(static row => row.Room);
        return await interest.HasUserInAsync(service, joined, stop);
    }

    private async ValueTask<RoomSnapshot?> RoomAsync(
        AppService service, ServiceRooms interest, RoomNid nid, CancellationToken stop) =>
        await rooms.FindAsync(nid, stop) is { } room
        && await interest.WantsNowAsync(service, room, stop)
            ? room
            : null;
}

/// <summary>The users who type in each room, as the typing board reports them.</summary>
internal sealed class TypingRooms
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, List<string>> _rooms = [];

    /// <summary>A user types, or stopped. The board bounds the rooms and users.</summary>
    internal void Set(RoomNid room, string userId, bool isTyping)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room, out var users)) _rooms[room] = users = [];
            users.Remove(userId);
            if (isTyping) users.Add(userId);
            if (users.Count == 0) _rooms.Remove(room);
        }
    }

    /// <summary>The typing users of a room.</summary>
    internal IReadOnlyList<string> In(RoomNid room)
    {
        lock (_gate) return _rooms.TryGetValue(room, out var users) ? [.. users] : [];
    }
}
