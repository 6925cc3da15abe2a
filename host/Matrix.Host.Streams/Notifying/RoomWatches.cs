using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Waits for changes of a room on behalf of users who need not be in it. It comes after the notifier: whoever is woken
/// finds the new position. v1.19 client-server-api#room-previews
/// </summary>
internal sealed class RoomWatches(TimeProvider time, SyncOptions options) : IChangeConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, List<RoomWatch>> _byRoom = [];
    private readonly Dictionary<string, int> _byUser = new(StringComparer.Ordinal);
    private readonly List<RoomNid> _advanced = [];
    private int _count;
    private volatile bool _draining;

    /// <summary>The number of watches.</summary>
    internal int Count
    {
        get { lock (_gate) return _count; }
    }

    /// <summary>Whether the server is stopping.</summary>
    public bool IsDraining => _draining;

    /// <summary>
    /// Begins to watch a room; null if there are too many watches, of this user or in all. What is committed from now
    /// on wakes it, also before the wait begins.
    /// </summary>
    public RoomWatch? Begin(RoomNid room, string userId)
    {
        lock (_gate)
        {
            var own = _byUser.GetValueOrDefault(userId);
            if (_count >= options.MaxRoomWatches || own >= options.MaxRoomWatchesOfUser) return null;
            var watch = new RoomWatch(this, room, userId);
            if (!_byRoom.TryGetValue(room, out var ofRoom)) _byRoom[room] = ofRoom = [];
            ofRoom.Add(watch);
            _byUser[userId] = own + 1;
            _count++;
            return watch;
        }
    }

    /// <summary>
    /// Waits until the room changes; false if the time is up, the client is gone or the server stops.
    /// </summary>
    public async ValueTask<bool> WaitAsync(RoomWatch watch, TimeSpan atMost, CancellationToken stop)
    {
        if (_draining || atMost <= TimeSpan.Zero) return false;
        using var timeout = time.CreateTimer(
            static watch => ((RoomWatch)watch!).Wake(false),
            watch,
            atMost < LongPolls.LongestTimer ? atMost : LongPolls.LongestTimer,
            Timeout.InfiniteTimeSpan);
        await using var gone = stop.UnsafeRegister(static watch => ((RoomWatch)watch!).Wake(false), watch);
        if (_draining) watch.Wake(false);
        return await watch.Woken;
    }

    /// <summary>Ends every wait, because the server stops.</summary>
    public void Drain()
    {
        _draining = true;
        WakeAll(news: false);
    }

    public void OnChange(Change change, long position)
    {
        if (change is RoomAdvanced advanced) _advanced.Add(advanced.Room.Nid);
    }

    public void End(long through)
    {
        // At the end, not when the change comes: a watch that begins between the two still reads the old position.
        lock (_gate)
        {
            foreach (var room in _advanced)
            {
                if (!_byRoom.TryGetValue(room, out var ofRoom)) continue;
                foreach (var watch in ofRoom) watch.Wake(true);
            }
        }

        _advanced.Clear();
    }

    public void Missed(long through)
    {
        _advanced.Clear();
        WakeAll(news: true);
    }

    internal void Forget(RoomWatch watch)
    {
        lock (_gate)
        {
            if (!_byRoom.TryGetValue(watch.Room, out var ofRoom) || !ofRoom.Remove(watch)) return;
            if (ofRoom.Count == 0) _byRoom.Remove(watch.Room);
            if (--_byUser[watch.UserId] == 0) _byUser.Remove(watch.UserId);
            _count--;
        }
    }

    private void WakeAll(bool news)
    {
        lock (_gate)
        {
            foreach (var watch in _byRoom.Values.SelectMany(static ofRoom => ofRoom)) watch.Wake(news);
        }
    }
}

/// <summary>A watch of one room, which is woken once. Disposing ends it.</summary>
internal sealed class RoomWatch(RoomWatches watches, RoomNid room, string userId) : IDisposable
{
    private readonly TaskCompletionSource<bool> _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RoomNid Room => room;

    public string UserId => userId;

    /// <summary>Completes with whether the room changed.</summary>
    public Task<bool> Woken => _woken.Task;

    public void Wake(bool news) => _woken.TrySetResult(news);

    public void Dispose() => watches.Forget(this);
}
