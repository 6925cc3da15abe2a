using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Keeps the positions of changes in memory for each user who syncs. A commit in a room costs time for each active
/// member. A long-poll costs nothing until a change concerns its user.
/// </summary>
/// <remarks>
/// It knows positions, not contents. A user who is not in memory (evicted, or never seen) is read from the database
/// once, on the next sync. Locks are taken in the order room, user.
/// </remarks>
internal sealed class Notifier : IChangeConsumer, IDisposable, IAsyncDisposable
{
    private static readonly TimeSpan _sweepEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, UserStream> _users = new(StringComparer.Ordinal);
    private readonly RoomStreams _rooms;
    private readonly LongPolls _polls;
    private readonly Lock _typingGate = new();
    private readonly TimeProvider _time;
    private readonly SyncOptions _options;
    private readonly IStreamSource _source;
    private readonly ITimer _sweep;
    private readonly List<UserStream> _typingWake = [];
    private long _applied;
    private long _begun;
    private long _ephemeral;
    private long _deviceLists;
    private int _subscriptions;

    /// <summary>Creates a notifier without active users.</summary>
    /// <param name="published">The position up to which everything is durable.</param>
    /// <param name="epoch">A number that no other process of the server has, and that is no time; null if only one
    /// serves: two nodes may start in the same moment.</param>
    public Notifier(IStreamSource source, TimeProvider time, SyncOptions options, long published, long? epoch = null)
    {
        _source = source;
        _time = time;
        _options = options;
        _applied = _begun = published;
        _deviceLists = published;
        Epoch = epoch ?? time.GetUtcNow().ToUnixTimeMilliseconds();
        _rooms = new RoomStreams(() => Begun);
        _polls = new LongPolls(time);
        DeviceLists = new DeviceListWatch(this, source);
        _sweep = time.CreateTimer(static notifier => ((Notifier)notifier!).EvictIdle(), this, _sweepEvery, _sweepEvery);
    }

    /// <summary>Identifies this process in tokens: ephemeral counters of another process mean nothing here.</summary>
    public long Epoch { get; }

    /// <summary>Every flush up to this position was applied: the position of responses made now.</summary>
    public long Applied => Volatile.Read(ref _applied);

    /// <summary>Every change of typing and presence up to this counter was applied.</summary>
    public long Ephemeral => Volatile.Read(ref _ephemeral);

    /// <summary>The token of responses made now.</summary>
    public SyncToken Now => new(Applied, Epoch, Ephemeral);

    /// <summary>The last flush that changed anyone's device list.</summary>
    public long LastDeviceLists => Volatile.Read(ref _deviceLists);

    /// <summary>The streams of all active users.</summary>
    internal IEnumerable<UserStream> Active => _users.Values;

    /// <summary>The number of active users.</summary>
    public int ActiveUsers => _users.Count;

    /// <summary>The number of waiting long-polls.</summary>
    public int Waiting => _polls.Waiting;

    /// <summary>The number of (user, room) pairs in memory.</summary>
    public int Subscriptions => Volatile.Read(ref _subscriptions);

    /// <summary>The user's stream if it is in memory and filled.</summary>
    public UserStream? Find(string userId)
    {
        if (!_users.TryGetValue(userId, out var stream) || stream.KnownSince == long.MaxValue) return null;
        stream.LastUsed = _time.GetTimestamp();
        return stream;
    }

    /// <summary>
    /// The user's stream, read from the database if the user was not active; null if there is no space for it.
    /// </summary>
    public async ValueTask<UserStream?> ActivateAsync(string userId, CancellationToken stop)
    {
        while (true)
        {
            if (Find(userId) is { } known) return known;
            if (_users.TryGetValue(userId, out var other))
            {
                // Another request is filling it. If that fails, the next one tries.
                if (await other.Filled.Task.WaitAsync(stop)) continue;
                return null;
            }

            var stream = new UserStream(userId) { LastUsed = _time.GetTimestamp() };
            if (!_users.TryAdd(userId, stream)) continue;
            bool filled = false;
            try
            {
                filled = await FillAsync(stream, stop);
                return filled ? stream : null;
            }
            finally
            {
                if (!filled) Evict(stream);
                stream.Filled.TrySetResult(filled);
            }
        }
    }

    /// <summary>The end of a long-poll that begins now, with the timeout that the client asks for.</summary>
    public PollDeadline DeadlineOf(TimeSpan timeout) =>
        new(_time, timeout < _options.LongestPoll ? timeout : _options.LongestPoll);

    /// <summary>
    /// Waits until something may concern the device, or until the timeout. Returns whether there may be news; false
    /// also if the server stops or the client has gone.
    /// </summary>
    public async ValueTask<bool> WaitAsync(
        UserStream stream, DeviceStream device, SyncToken since, TimeSpan atMost, CancellationToken stop)
    {
        if (_polls.IsDraining || atMost <= TimeSpan.Zero) return false;
        var waiter = new SyncWaiter(stream);
        if (!stream.TryWait(waiter, since, this, device)) return true;
        return await _polls.WaitAsync(stream, waiter, atMost, stop);
    }

    /// <summary>Waits a little for a user whom the notifier has no space for, at most until the timeout.</summary>
    public async ValueTask PauseAsync(TimeSpan atMost, CancellationToken stop)
    {
        var nobody = new UserStream("");
        var pause = atMost < _options.PollWhenFull ? atMost : _options.PollWhenFull;
        await _polls.WaitAsync(nobody, new SyncWaiter(nobody), pause, stop);
    }

    /// <summary>Ends every long-poll with an empty response, because the server stops.</summary>
    public void Drain()
    {
        _polls.Drain();
        foreach (var stream in _users.Values) stream.Wake(news: false);
    }

    /// <summary>Whether the server is stopping.</summary>
    public bool IsDraining => _polls.IsDraining;

    /// <summary>The shared stream of a room that an active user is in.</summary>
    public RoomStream? Room(RoomNid room) => _rooms.Find(room);

    /// <summary>A user's stream, even if it is still being filled; for changes of a flush.</summary>
    internal UserStream? Touched(string userId) => _users.GetValueOrDefault(userId);

    /// <summary>A user's membership changed. Called on the writer's thread.</summary>
    internal void SetMembership(
        UserStream stream, RoomNid nid, ShownMembership membership, long position, List<UserStream> wake)
    {
        var room = _rooms.Hold(nid);
        var subscription = stream.SetMembership(
            room, membership, position, live: true, Ephemeral, wake, out bool added);
        if (added) Interlocked.Increment(ref _subscriptions);
        else _rooms.Release(room);
        if (subscription is null) return;

        if (membership == ShownMembership.Joined) room.Admit(subscription);
        else room.Dismiss(subscription);
    }

    /// <summary>
    /// A user's device list changed. From now on every sync checks whether the user shares a room.
    /// <see cref="DeviceListWatch"/> reads from the database whom to wake.
    /// </summary>
    internal void DeviceListChanged(string userId, string? onlyFor, long position, List<UserStream> wake)
    {
        Volatile.Write(ref _deviceLists, position);
        Touched(onlyFor ?? userId)?.TouchDeviceLists(position, Ephemeral, wake);
        if (onlyFor is null && !_users.IsEmpty) DeviceLists.Changed(userId, position);
    }

    /// <summary>The queue of device list changes whose recipients are not known yet.</summary>
    internal DeviceListWatch DeviceLists { get; }

    /// <summary>Users concerned by the flush that is being applied; for the writer's thread only.</summary>
    internal List<UserStream> ToWake { get; } = [];

    public void Begin(long through) => Volatile.Write(ref _begun, through);

    public void OnChange(Change change, long position)
    {
        // Each stream reads its own changes.
    }

    /// <summary>
    /// Every stream has applied the flush: it becomes visible, and the long-polls that it concerns are woken.
    /// </summary>
    public void End(long through)
    {
        Volatile.Write(ref _applied, through);
        foreach (var stream in ToWake) stream.Wake(news: true);
        ToWake.Clear();
    }

    public void Missed(long through)
    {
        // Who becomes active from now on knows nothing of the flush.
        Volatile.Write(ref _begun, through);
        ForgetAll(through);
    }

    /// <summary>Evicts all users after a stream missed changes: each user is read from the database again.</summary>
    internal void ForgetAll(long through)
    {
        Volatile.Write(ref _deviceLists, through);
        foreach (var stream in _users.Values)
        {
            Evict(stream, evenIfAwaited: true);
            stream.Wake(news: true);
        }
    }

    /// <summary>The list of typing users of a room changed: wakes the room's active members.</summary>
    public void TypingChanged(RoomNid nid)
    {
        lock (_typingGate)
        {
            // The counter is published after the room was touched, so a response that ends there includes it.
            long next = _ephemeral + 1;
            Room(nid)?.TouchTyping(Applied, next, _typingWake);
            Volatile.Write(ref _ephemeral, next);
            foreach (var stream in _typingWake) stream.Wake(news: true);
            _typingWake.Clear();
        }
    }

    /// <summary>
    /// The presence of users changed: wakes the active members of their rooms. A member who shares several rooms with a
    /// user is touched once.
    /// </summary>
    /// <param name="changes">Each user, with the rooms that the user is joined to.</param>
    /// <param name="remembered">The most changes that a member's stream remembers.</param>
    /// <param name="counted">Called with the changes' ephemeral counter before anybody can read up to it.</param>
    public void PresenceChanged(
        IEnumerable<(string UserId, IReadOnlyList<RoomNid> Rooms)> changes, int remembered, Action<long> counted)
    {
        lock (_typingGate)
        {
            var next = _ephemeral + 1;
            counted(next);
            var members = new HashSet<UserStream>();
            foreach (var (userId, rooms) in changes)
            {
                members.Clear();
                foreach (var room in rooms) Room(room)?.CollectMembers(members);
                foreach (var member in members) member.TouchPresence(userId, next, remembered, _typingWake);
            }

            Volatile.Write(ref _ephemeral, next);
            foreach (var stream in _typingWake) stream.Wake(news: true);
            _typingWake.Clear();
        }
    }

    public void Dispose() => _sweep.Dispose();

    public async ValueTask DisposeAsync()
    {
        Drain();
        await DeviceLists.DisposeAsync();
        Dispose();
    }

    /// <summary>Evicts users who were idle for too long.</summary>
    internal void EvictIdle()
    {
        foreach (var stream in _users.Values)
        {
            if (stream.KnownSince != long.MaxValue && _time.GetElapsedTime(stream.LastUsed) > _options.IdleAfter)
            {
                Evict(stream);
            }
        }
    }

    /// <summary>
    /// The current or last flush. A user who becomes active during a flush may miss a part of it, and so knows only
    /// what comes after it.
    /// </summary>
    private long Begun => Volatile.Read(ref _begun);

    private async ValueTask<bool> FillAsync(UserStream stream, CancellationToken stop)
    {
        // The stream is registered already: changes committed while the rooms are read reach it, and take precedence.
        var rooms = await _source.RoomsAsync(stream.UserId, stop);
        if (!MakeRoom(rooms.Count)) return false;

        foreach (var member in rooms)
        {
            var room = _rooms.Hold(member.Room);
            var subscription = stream.SetMembership(
                room, member.Membership, member.Since, live: false, 0, [], out bool added);
            if (added) Interlocked.Increment(ref _subscriptions);
            else _rooms.Release(room);
            if (subscription is not null && member.Membership == ShownMembership.Joined) room.Admit(subscription);
        }

        // No change is half applied now: those after this one reach the user as a member of the rooms.
        lock (_typingGate) stream.KnowsPresenceAfter(_ephemeral);
        stream.FilledAt(Begun);
        return true;
    }

    /// <summary>
    /// Evicts the users who were idle longest until this many more rooms fit. False if too many users wait.
    /// </summary>
    private bool MakeRoom(int subscriptions)
    {
        if (Subscriptions + subscriptions <= _options.MaxRoomSubscriptions) return true;
        var filled = _users.Values.Where(stream => stream.KnownSince != long.MaxValue);
        foreach (var stream in filled.OrderBy(stream => stream.LastUsed).ToArray())
        {
            Evict(stream);
            if (Subscriptions + subscriptions <= _options.MaxRoomSubscriptions) return true;
        }

        return false;
    }

    private void Evict(UserStream stream, bool evenIfAwaited = false)
    {
        if (!stream.TryEvict(evenIfAwaited, out var subscriptions)) return;
        _users.TryRemove(new KeyValuePair<string, UserStream>(stream.UserId, stream));
        foreach (var subscription in subscriptions)
        {
            subscription.Room.Dismiss(subscription);
            _rooms.Release(subscription.Room);
        }

        Interlocked.Add(ref _subscriptions, -subscriptions.Length);
    }
}
