using System.Formats.Cbor;
using System.Globalization;
using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Told;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>
/// The typing users of each room, in memory only. Entries end by timeout and with the process. Of several nodes the one
/// that has a room decides who types there, and tells the others, which show it; the one that gets a room goes on with
/// what it was told. v1.19 client-server-api#typing-notifications
/// </summary>
internal sealed class TypingBoard : ITypingBoard, IRestoredConsumer, IToldItems
{
    private readonly Notifier _notifier;
    private readonly IMembershipsTable _membershipsTable;
    private readonly ShardGates _gates;
    private readonly TimeProvider _time;
    private readonly SyncOptions _options;
    private readonly ITypingObserver? _observer;
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, List<Typist>> _rooms = [];

    public TypingBoard(
        Notifier notifier,
        IMembershipsTable membershipsTable,
        ShardGates gates,
        TimeProvider time,
        SyncOptions options,
        ITypingObserver? observer = null,
        ToldMemories? memories = null)
    {
        _notifier = notifier;
        _membershipsTable = membershipsTable;
        _gates = gates;
        _time = time;
        _options = options;
        _observer = observer;
        Told = memories?.Share(this);
        gates.OnMoves(Moved);
    }

    /// <summary>What tells other nodes; null where a test needs none.</summary>
    internal ToldMemory? Told { get; }

    NodeTellKind IToldItems.Kind => NodeTellKind.Typing;

    public bool Set(RoomIdentity room, string userId, TimeSpan? timeout)
    {
        if (!_gates.TryEnter(Authority.Room(room.RoomId), out var visit)) return false;
        using var inside = visit;
        if (timeout is { } given && given > TimeSpan.Zero)
        {
            Start(new TypingRoom(room.Nid, room.RoomId), userId, given, from: null);
        }
        else Stop(room.Nid, userId);
        return true;
    }

    public IReadOnlyList<string> In(RoomNid room)
    {
        lock (_gate) return _rooms.TryGetValue(room, out var typists) ? [.. typists.Select(t => t.UserId)] : [];
    }

    public void OnChange(Change change, long position)
    {
        if (change is MembershipChanged changed && changed.After != Membership.Join)
        {
            Stop(changed.Room, changed.UserId);
        }
    }

    public void Missed(long through)
    {
    }

    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        RoomNid[] rooms;
        lock (_gate) rooms = [.. _rooms.Keys];
        foreach (var room in rooms)
        {
            var typing = In(room);
            var members = await _membershipsTable.FindManyAsync(room, typing, stop);
            var joined = members.Where(static each => each.Membership == Membership.Join)
                .Select(static each => each.UserId).ToHashSet(StringComparer.Ordinal);
            foreach (var userId in typing.Where(userId => !joined.Contains(userId))) Stop(room, userId);
        }
    }

    /// <summary>A user stops typing, or left the room.</summary>
    internal void Stop(RoomNid room, string userId) =>
        Stop(room, typist => typist.UserId == userId);

    IReadOnlyCollection<string> IToldItems.Own()
    {
        lock (_gate)
        {
            return [.. _rooms.Values.Select(static typists => typists[0].Room).Where(IsOwn).Select(KeyOf)];
        }
    }

    bool IToldItems.TryWrite(string key, CborWriter value)
    {
        if (!TryNid(key, out var nid)) return false;
        lock (_gate)
        {
            var typists = _rooms.GetValueOrDefault(nid) ?? [];
            if (typists.Count > 0 && !IsOwn(typists[0].Room)) return false;
            TypingFormat.Write(
                value,
                typists.Count > 0 ? typists[0].Room.RoomId : "",
                [.. typists.Select(typist => (typist.UserId, typist.Until - _time.GetUtcNow()))]);
            return true;
        }
    }

    void IToldItems.Take(NodeIncarnation from, string key, CborReader value)
    {
        if (!TryNid(key, out var nid)) return;
        var (roomId, told) = TypingFormat.Read(value, _options.MaxTypingUsers);
        lock (_gate)
        {
            // The end of all typing has no need to name the room.
            if (_rooms.TryGetValue(nid, out var known)) roomId = known[0].Room.RoomId;
        }

        var room = new TypingRoom(nid, roomId);
        if (roomId.Length == 0 || IsOwn(room)) return;
        var typing = told.Select(static each => each.UserId).ToHashSet(StringComparer.Ordinal);
        Stop(nid, typist => !typing.Contains(typist.UserId));
        foreach (var (userId, left) in told.Where(static each => each.Left > TimeSpan.Zero))
        {
            Start(room, userId, left, from);
        }
    }

    void IToldItems.Keep(NodeIncarnation from, Predicate<string> isKept) =>
        StopOf(typist => Equals(typist.From, from) && !isKept(KeyOf(typist.Room)));

    void IToldItems.Drop(NodeIncarnation from) => StopOf(typist => Equals(typist.From, from));

    private static string KeyOf(TypingRoom room) => room.Nid.Value.ToString(CultureInfo.InvariantCulture);

    private static bool TryNid(string key, out RoomNid nid)
    {
        var isNumber = int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        nid = new RoomNid(number);
        return isNumber;
    }

    private bool IsOwn(TypingRoom room) => _gates.IsOpen(Authority.Room(room.RoomId));

    /// <summary>Shards were opened or closed: this node decides from now on who types in the rooms that came.</summary>
    private void Moved(IReadOnlyCollection<int> shards)
    {
        var moved = shards.ToHashSet();
        lock (_gate)
        {
            foreach (var typists in _rooms.Values)
            {
                var room = typists[0].Room;
                if (!moved.Contains(Authority.Room(room.RoomId).Shard) || !IsOwn(room)) continue;
                foreach (var typist in typists) typist.From = null;
                Told?.Changed(KeyOf(room));
            }
        }
    }

    private void StopOf(Func<Typist, bool> isGone)
    {
        RoomNid[] rooms;
        lock (_gate)
        {
            rooms = [.. _rooms.Where(room => room.Value.Any(isGone)).Select(static room => room.Key)];
        }

        foreach (var room in rooms) Stop(room, isGone);
    }

    private void Stop(RoomNid room, Func<Typist, bool> isGone)
    {
        Typist[] stopped;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room, out var typists)) return;
            stopped = [.. typists.Where(isGone)];
            foreach (var typist in stopped) Drop(typists, typist);
        }

        foreach (var typist in stopped) Changed(typist, isTyping: false);
    }

    private void Changed(Typist typist, bool isTyping)
    {
        Tell(typist.Room);
        _notifier.TypingChanged(typist.Room.Nid);

        // On every node: each one sends to the servers and services that are its own.
        _observer?.TypingChanged(typist.Room.Nid, typist.UserId, isTyping);
    }

    private void Tell(TypingRoom room)
    {
        if (IsOwn(room)) Told?.Changed(KeyOf(room));
    }

    /// <param name="from">The node that says so; null for this one.</param>
    private void Start(TypingRoom room, string userId, TimeSpan timeout, NodeIncarnation? from)
    {
        if (timeout > _options.LongestTyping) timeout = _options.LongestTyping;
        var now = _time.GetUtcNow();
        Typist? typist;
        bool isNew;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room.Nid, out var typists))
            {
                if (_rooms.Count >= _options.MaxTypingRooms) return;
                typists = _rooms[room.Nid] = [];
            }

            typist = typists.Find(t => t.UserId == userId);
            isNew = typist is null;
            if (typist is null)
            {
                if (typists.Count >= _options.MaxTypingUsers) return;
                typist = new Typist(this, room, userId) { Until = now + timeout, ObservedAt = now };
                typist.Timer = _time.CreateTimer(
                    static typist => ((Typist)typist!).TimeIsUp(), typist, Bounded(timeout), Timeout.InfiniteTimeSpan);
                typists.Add(typist);
            }

            // The list does not change, so nobody is woken: the timer checks again when it fires.
            typist.Until = now + timeout;
            typist.From = from;
            if (!isNew)
            {
                Tell(room);
                if (now - typist.ObservedAt < _options.TypingRepeat) return;
                typist.ObservedAt = now;
                _observer?.TypingChanged(room.Nid, userId, isTyping: true);
            }
        }

        if (isNew) Changed(typist, isTyping: true);
    }

    private void TimeIsUp(Typist typist)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(typist.Room.Nid, out var typists) || !typists.Contains(typist)) return;
            var left = typist.Until - _time.GetUtcNow();
            if (left > TimeSpan.Zero)
            {
                typist.Timer!.Change(Bounded(left), Timeout.InfiniteTimeSpan);
                return;
            }

            Drop(typists, typist);
        }

        Changed(typist, isTyping: false);
    }

    // When the timer fires early, it starts again for the remaining time.
    private static TimeSpan Bounded(TimeSpan time) => time < LongPolls.LongestTimer ? time : LongPolls.LongestTimer;

    private void Drop(List<Typist> typists, Typist typist)
    {
        typists.Remove(typist);
        typist.Timer!.Dispose();
        if (typists.Count == 0) _rooms.Remove(typist.Room.Nid);
    }

    private readonly record struct TypingRoom(RoomNid Nid, string RoomId);

    private sealed class Typist(TypingBoard board, TypingRoom room, string userId)
    {
        internal TypingRoom Room => room;

        internal string UserId => userId;

        internal DateTimeOffset Until { get; set; }

        /// <summary>The node that said so last; null for this one.</summary>
        internal NodeIncarnation? From { get; set; }

        /// <summary>When the observer was called last.</summary>
        internal DateTimeOffset ObservedAt { get; set; }

        internal ITimer? Timer { get; set; }

        internal void TimeIsUp() => board.TimeIsUp(this);
    }
}

/// <summary>
/// Called when a user starts or stops typing, and now and then while they go on. It may not block, and may not use the
/// board.
/// </summary>
public interface ITypingObserver
{
    /// <summary>A user types, or stopped.</summary>
    void TypingChanged(RoomNid room, string userId, bool isTyping);
}

/// <summary>The typing users of each room. v1.19 client-server-api#typing-notifications</summary>
public interface ITypingBoard
{
    /// <summary>A user types for this long, unless they stop earlier; null if they stopped.</summary>
    /// <returns>False, and nothing changed, if another node has the room.</returns>
    bool Set(RoomIdentity room, string userId, TimeSpan? timeout);

    /// <summary>The typing users of a room, in the order in which they began.</summary>
    IReadOnlyList<string> In(RoomNid room);
}
