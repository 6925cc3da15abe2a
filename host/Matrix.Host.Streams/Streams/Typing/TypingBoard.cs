using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>
/// The typing users of each room, in memory only. Entries end by timeout and with the process. Those of a room that
/// another node got are shown until they end; only the node that has the room tells others of them.
/// v1.19 client-server-api#typing-notifications
/// </summary>
internal sealed class TypingBoard(
    Notifier notifier,
    IMembershipsTable membershipsTable,
    ShardGates gates,
    TimeProvider time,
    SyncOptions options,
    ITypingObserver? observer = null)
    : ITypingBoard, IRestoredConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, List<Typist>> _rooms = [];

    public bool Set(RoomIdentity room, string userId, TimeSpan? timeout)
    {
        if (!gates.TryEnter(Authority.Room(room.RoomId), out var visit)) return false;
        using var inside = visit;
        if (timeout is { } given && given > TimeSpan.Zero)
        {
            Start(room, userId, given < options.LongestTyping ? given : options.LongestTyping);
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
            var members = await membershipsTable.FindManyAsync(room, typing, stop);
            var joined = members.Where(static each => each.Membership == Membership.Join)
                .Select(static each => each.UserId).ToHashSet(StringComparer.Ordinal);
            foreach (var userId in typing.Where(userId => !joined.Contains(userId))) Stop(room, userId);
        }
    }

    /// <summary>A user stops typing, or left the room.</summary>
    internal void Stop(RoomNid room, string userId)
    {
        Typist? stopped;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room, out var typists)) return;
            stopped = typists.Find(t => t.UserId == userId);
            if (stopped is null) return;
            Drop(typists, stopped);
        }

        Changed(stopped, isTyping: false);
    }

    private void Changed(Typist typist, bool isTyping)
    {
        notifier.TypingChanged(typist.Room.Nid);
        if (observer is null || !gates.TryEnter(Authority.Room(typist.Room.RoomId), out var visit)) return;
        using var inside = visit;
        observer.TypingChanged(typist.Room.Nid, typist.UserId, isTyping);
    }

    private void Start(RoomIdentity room, string userId, TimeSpan timeout)
    {
        var now = time.GetUtcNow();
        Typist? typist;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room.Nid, out var typists))
            {
                if (_rooms.Count >= options.MaxTypingRooms) return;
                typists = _rooms[room.Nid] = [];
            }

            typist = typists.Find(t => t.UserId == userId);
            if (typist is null)
            {
                if (typists.Count >= options.MaxTypingUsers) return;
                typist = new Typist(this, room, userId) { Until = now + timeout, ObservedAt = now };
                typist.Timer = time.CreateTimer(
                    static typist => ((Typist)typist!).TimeIsUp(), typist, Bounded(timeout), Timeout.InfiniteTimeSpan);
                typists.Add(typist);
            }
            else
            {
                // The list does not change, so nobody is woken: the timer checks again when it fires.
                typist.Until = now + timeout;
                if (now - typist.ObservedAt < options.TypingRepeat) return;
                typist.ObservedAt = now;
                observer?.TypingChanged(room.Nid, userId, isTyping: true);
                return;
            }
        }

        Changed(typist, isTyping: true);
    }

    private void TimeIsUp(Typist typist)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(typist.Room.Nid, out var typists) || !typists.Contains(typist)) return;
            var left = typist.Until - time.GetUtcNow();
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

    private sealed class Typist(TypingBoard board, RoomIdentity room, string userId)
    {
        internal RoomIdentity Room => room;

        internal string UserId => userId;

        internal DateTimeOffset Until { get; set; }

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
