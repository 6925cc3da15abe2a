using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Streams.Notifying;

/// <summary>A room that a user is in, as it was read when the user's stream was filled.</summary>
/// <param name="Room">The room.</param>
/// <param name="Membership">Joined or invited.</param>
/// <param name="Since">The position of the membership.</param>
internal readonly record struct MemberRoom(RoomNid Room, ShownMembership Membership, long Since);

/// <summary>Answers, from storage, what a stream is filled with.</summary>
internal interface IStreamSource
{
    /// <summary>The rooms that a user is joined or invited to, the one that changed last first.</summary>
    ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop);

    /// <summary>Local users who are joined to a room that the user is joined to.</summary>
    ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop);
}

/// <summary>
/// What is new for whom, in memory, for the users who sync: a commit that touches a room costs as much as the room has active members, and
/// a long-poll costs nothing until something concerns its user.
/// </summary>
/// <remarks>
/// It knows positions, not contents. Whoever is not in it (evicted, or never seen) is read from the database once, when they sync.
/// Locks are taken in the order room, user.
/// </remarks>
internal sealed class Notifier : IChangeConsumer, IDisposable, IAsyncDisposable
{
    /// <summary>No timer runs longer: the framework's take 49 days at most.</summary>
    internal static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private static readonly TimeSpan _sweepEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, UserStream> _users = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<RoomNid, RoomStream> _rooms = new();
    private readonly Lock _roomsGate = new();
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
    private int _waiting;
    private volatile bool _draining;

    /// <summary>A notifier on which nobody is active yet.</summary>
    /// <param name="source">What streams are filled from.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="published">The position up to which everything is durable.</param>
    public Notifier(IStreamSource source, TimeProvider time, SyncOptions options, long published)
    {
        _source = source;
        _time = time;
        _options = options;
        _applied = _begun = published;
        _deviceLists = published;
        Epoch = time.GetUtcNow().ToUnixTimeMilliseconds();
        DeviceLists = new DeviceListWatch(this, source);
        _sweep = time.CreateTimer(static notifier => ((Notifier)notifier!).EvictIdle(), this, _sweepEvery, _sweepEvery);
    }

    /// <summary>Names this process start in tokens: ephemeral counters of another one mean nothing.</summary>
    public long Epoch { get; }

    /// <summary>Every flush up to here was taken in: the position of answers given now.</summary>
    public long Applied => Volatile.Read(ref _applied);

    /// <summary>Every typing change up to here was taken in.</summary>
    public long Ephemeral => Volatile.Read(ref _ephemeral);

    /// <summary>The last flush that changed anyone's device list.</summary>
    public long LastDeviceLists => Volatile.Read(ref _deviceLists);

    /// <summary>Everyone active.</summary>
    internal IEnumerable<UserStream> Active => _users.Values;

    /// <summary>How many users are active.</summary>
    public int ActiveUsers => _users.Count;

    /// <summary>How many long-polls wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>How many (user, room) pairs are held.</summary>
    public int Subscriptions => Volatile.Read(ref _subscriptions);

    /// <summary>The user's stream if it is there and filled: no database work.</summary>
    public UserStream? Find(string userId)
    {
        if (!_users.TryGetValue(userId, out var stream) || stream.KnownSince == long.MaxValue) return null;
        stream.LastUsed = _time.GetTimestamp();
        return stream;
    }

    /// <summary>The user's stream, filled by a question to the database if the user was not active; null if there is no room for another.</summary>
    public async ValueTask<UserStream?> ActivateAsync(string userId, CancellationToken stop)
    {
        while (true)
        {
            if (Find(userId) is { } known) return known;
            if (_users.TryGetValue(userId, out var other))
            {
                // Someone fills it at this moment. If they fail, the next one tries.
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

    /// <summary>
    /// Waits until something may concern the device, at most for a while. Answers whether there may be news; false as well if the server
    /// stops or the client has gone.
    /// </summary>
    public async ValueTask<bool> WaitAsync(
        UserStream stream, DeviceStream device, SyncToken since, TimeSpan atMost, CancellationToken stop)
    {
        if (_draining || atMost <= TimeSpan.Zero) return false;
        var waiter = new SyncWaiter(stream);
        if (!stream.TryWait(waiter, since, this, device)) return true;
        return await WaitAsync(stream, waiter, atMost, stop);
    }

    /// <summary>Waits a little where there is no room on the notifier for the user, at most for a while.</summary>
    public async ValueTask PauseAsync(TimeSpan atMost, CancellationToken stop)
    {
        var nobody = new UserStream("");
        await WaitAsync(nobody, new SyncWaiter(nobody), atMost < _options.PollWhenFull ? atMost : _options.PollWhenFull, stop);
    }

    private async ValueTask<bool> WaitAsync(UserStream stream, SyncWaiter waiter, TimeSpan atMost, CancellationToken stop)
    {
        // No wheel that turns: the framework's timers sleep until the first of them is due.
        using var timeout = _time.CreateTimer(
            SyncWaiter.TimeIsUp, waiter, atMost < LongestTimer ? atMost : LongestTimer, Timeout.InfiniteTimeSpan);
        Interlocked.Increment(ref _waiting);
        try
        {
            await using var _ = stop.UnsafeRegister(static state => ((SyncWaiter)state!).TryWake(news: false), waiter);
            if (_draining) waiter.TryWake(news: false);
            return await waiter.Task;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            stream.Forget(waiter);
        }
    }

    /// <summary>Ends every long-poll with what there is, for the server stops.</summary>
    public void Drain()
    {
        _draining = true;
        foreach (var stream in _users.Values) stream.Wake(news: false);
    }

    /// <summary>Whether the server stops.</summary>
    public bool IsDraining => _draining;

    /// <summary>The shared part of a room that someone active is in.</summary>
    public RoomStream? Room(RoomNid room) => _rooms.GetValueOrDefault(room);

    /// <summary>A user's stream, filled or being filled, for what a flush touches.</summary>
    internal UserStream? Touched(string userId) => _users.GetValueOrDefault(userId);

    /// <summary>A user came or went. Called by the one who takes flushes in.</summary>
    internal void SetMembership(UserStream stream, RoomNid nid, ShownMembership membership, long position, List<UserStream> wake)
    {
        var room = Hold(nid);
        var subscription = stream.SetMembership(room, membership, position, live: true, Ephemeral, wake, out bool added);
        if (added) Interlocked.Increment(ref _subscriptions);
        else Release(room);
        if (subscription is null) return;

        if (membership == ShownMembership.Joined) room.Admit(subscription);
        else room.Dismiss(subscription);
    }

    /// <summary>
    /// Someone's device list changed: every sync looks from now on whether it is someone of theirs. Who waits is woken by
    /// <see cref="DeviceListWatch"/>, which asks the database who shares a room.
    /// </summary>
    internal void DeviceListChanged(string userId, string? onlyFor, long position, List<UserStream> wake)
    {
        Volatile.Write(ref _deviceLists, position);
        Touched(onlyFor ?? userId)?.TouchDeviceLists(position, Ephemeral, wake);
        if (onlyFor is null && !_users.IsEmpty) DeviceLists.Changed(userId, position);
    }

    /// <summary>Where changes of device lists are queued until those concerned are found.</summary>
    internal DeviceListWatch DeviceLists { get; }

    /// <summary>Users whom the flush concerns that the streams are reading. The writer thread's own.</summary>
    internal List<UserStream> ToWake { get; } = [];

    /// <inheritdoc/>
    public void Begin(long through) => Volatile.Write(ref _begun, through);

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        // The streams do, each what is its own.
    }

    /// <summary>Every stream has read the flush: it becomes visible, and whoever waits for it is woken.</summary>
    /// <param name="through">The greatest position of the flush.</param>
    public void End(long through)
    {
        Volatile.Write(ref _applied, through);
        foreach (var stream in ToWake) stream.Wake(news: true);
        ToWake.Clear();
    }

    /// <inheritdoc/>
    public void Missed(long through) => ForgetAll(through);

    /// <summary>Forgets everyone, for a stream missed changes: each user is read from the database again.</summary>
    internal void ForgetAll(long through)
    {
        Volatile.Write(ref _deviceLists, through);
        foreach (var stream in _users.Values)
        {
            Evict(stream, evenIfAwaited: true);
            stream.Wake(news: true);
        }
    }

    /// <summary>Who types in a room changed: its active members are told.</summary>
    public void TypingChanged(RoomNid nid)
    {
        lock (_typingGate)
        {
            // The counter is published after the room was touched: an answer that ends there has it.
            long next = _ephemeral + 1;
            Room(nid)?.TouchTyping(Applied, next, _typingWake);
            Volatile.Write(ref _ephemeral, next);
            foreach (var stream in _typingWake) stream.Wake(news: true);
            _typingWake.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sweep.Dispose();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Drain();
        await DeviceLists.DisposeAsync().ConfigureAwait(false);
        Dispose();
    }

    /// <summary>Forgets who was idle for too long.</summary>
    internal void EvictIdle()
    {
        foreach (var stream in _users.Values)
        {
            if (stream.KnownSince != long.MaxValue && _time.GetElapsedTime(stream.LastUsed) > _options.IdleAfter) Evict(stream);
        }
    }

    /// <summary>
    /// The flush that is, or was last, taken in. Whoever comes onto the notifier while that goes on may have missed a part of it, and so knows
    /// what comes after it only.
    /// </summary>
    private long Begun => Volatile.Read(ref _begun);

    private async ValueTask<bool> FillAsync(UserStream stream, CancellationToken stop)
    {
        // The stream is on the notifier already: what is committed while the rooms are read reaches it live and stands.
        var rooms = await _source.RoomsAsync(stream.UserId, stop);
        if (!MakeRoom(rooms.Count)) return false;

        foreach (var member in rooms)
        {
            var room = Hold(member.Room);
            var subscription = stream.SetMembership(room, member.Membership, member.Since, live: false, 0, [], out bool added);
            if (added) Interlocked.Increment(ref _subscriptions);
            else Release(room);
            if (subscription is not null && member.Membership == ShownMembership.Joined) room.Admit(subscription);
        }

        stream.FilledAt(Begun);
        return true;
    }

    /// <summary>Evicts those who were idle longest until so many more rooms fit; false if too many users wait at once.</summary>
    private bool MakeRoom(int subscriptions)
    {
        if (Subscriptions + subscriptions <= _options.MaxRoomSubscriptions) return true;
        foreach (var stream in _users.Values.Where(f => f.KnownSince != long.MaxValue).OrderBy(f => f.LastUsed).ToArray())
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
            Release(subscription.Room);
        }

        Interlocked.Add(ref _subscriptions, -subscriptions.Length);
    }

    private RoomStream Hold(RoomNid nid)
    {
        lock (_roomsGate)
        {
            if (!_rooms.TryGetValue(nid, out var room))
            {
                room = new RoomStream(nid);
                room.KnowsReceiptsAfter(Begun);
                _rooms[nid] = room;
            }

            room.Holders++;
            return room;
        }
    }

    private void Release(RoomStream room)
    {
        lock (_roomsGate)
        {
            if (--room.Holders == 0) _rooms.TryRemove(room.RoomNid, out _);
        }
    }
}
