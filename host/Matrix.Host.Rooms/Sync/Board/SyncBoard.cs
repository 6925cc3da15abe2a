using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Sync.Board;

/// <summary>A room that a user is in, as it was read when the user's feed was filled.</summary>
/// <param name="Room">The room.</param>
/// <param name="Standing">Joined or invited.</param>
/// <param name="Since">The position of the membership.</param>
internal readonly record struct RoomStanding(RoomNid Room, Standing Standing, long Since);

/// <summary>Answers, from storage, what a feed is filled with.</summary>
internal interface IFeedSource
{
    /// <summary>The rooms that a user is joined or invited to, the one that changed last first.</summary>
    ValueTask<IReadOnlyList<RoomStanding>> StandingsAsync(string userId, CancellationToken stop);

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
internal sealed class SyncBoard : IChangeConsumer, IDisposable
{
    /// <summary>No timer runs longer: the framework's take 49 days at most.</summary>
    internal static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private static readonly TimeSpan _sweepEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, UserFeed> _feeds = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<RoomNid, RoomFeed> _rooms = new();
    private readonly Lock _roomsGate = new();
    private readonly Lock _typingGate = new();
    private readonly TimeProvider _time;
    private readonly SyncOptions _options;
    private readonly IFeedSource _source;
    private readonly ITimer _sweep;
    private readonly List<UserFeed> _typingWake = [];
    private long _applied;
    private long _begun;
    private long _ephemeral;
    private long _deviceLists;
    private int _marks;
    private int _waiting;
    private volatile bool _draining;

    /// <summary>A board on which nobody is active yet.</summary>
    /// <param name="source">What feeds are filled from.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="published">The position up to which everything is durable.</param>
    public SyncBoard(IFeedSource source, TimeProvider time, SyncOptions options, long published)
    {
        _source = source;
        _time = time;
        _options = options;
        _applied = _begun = published;
        _deviceLists = published;
        Epoch = time.GetUtcNow().ToUnixTimeMilliseconds();
        DeviceLists = new DeviceListWatch(this, source);
        _sweep = time.CreateTimer(static board => ((SyncBoard)board!).EvictIdle(), this, _sweepEvery, _sweepEvery);
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
    internal IEnumerable<UserFeed> Active => _feeds.Values;

    /// <summary>How many users are active.</summary>
    public int ActiveUsers => _feeds.Count;

    /// <summary>How many long-polls wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>How many (user, room) pairs are held.</summary>
    public int Marks => Volatile.Read(ref _marks);

    /// <summary>The user's feed if it is there and filled: no database work.</summary>
    public UserFeed? Find(string userId)
    {
        if (!_feeds.TryGetValue(userId, out var feed) || feed.KnownSince == long.MaxValue) return null;
        feed.LastUsed = _time.GetTimestamp();
        return feed;
    }

    /// <summary>The user's feed, filled by a question to the database if the user was not active; null if there is no room for another.</summary>
    public async ValueTask<UserFeed?> ActivateAsync(string userId, CancellationToken stop)
    {
        while (true)
        {
            if (Find(userId) is { } known) return known;
            if (_feeds.TryGetValue(userId, out var other))
            {
                // Someone fills it at this moment. If they fail, the next one tries.
                if (await other.Filled.Task.WaitAsync(stop)) continue;
                return null;
            }

            var feed = new UserFeed(userId) { LastUsed = _time.GetTimestamp() };
            if (!_feeds.TryAdd(userId, feed)) continue;
            bool filled = false;
            try
            {
                filled = await FillAsync(feed, stop);
                return filled ? feed : null;
            }
            finally
            {
                if (!filled) Evict(feed);
                feed.Filled.TrySetResult(filled);
            }
        }
    }

    /// <summary>
    /// Waits until something may concern the device, at most for a while. Answers whether there may be news; false as well if the server
    /// stops or the client has gone.
    /// </summary>
    public async ValueTask<bool> WaitAsync(
        UserFeed feed, DeviceFeed device, SyncToken since, TimeSpan atMost, CancellationToken stop)
    {
        if (_draining || atMost <= TimeSpan.Zero) return false;
        var waiter = new SyncWaiter(feed);
        if (!feed.TryWait(waiter, since, this, device)) return true;
        return await WaitAsync(feed, waiter, atMost, stop);
    }

    /// <summary>Waits a little where there is no room on the board for the user, at most for a while.</summary>
    public async ValueTask PauseAsync(TimeSpan atMost, CancellationToken stop)
    {
        var nobody = new UserFeed("");
        await WaitAsync(nobody, new SyncWaiter(nobody), atMost < _options.PollWhenFull ? atMost : _options.PollWhenFull, stop);
    }

    private async ValueTask<bool> WaitAsync(UserFeed feed, SyncWaiter waiter, TimeSpan atMost, CancellationToken stop)
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
            feed.Forget(waiter);
        }
    }

    /// <summary>Ends every long-poll with what there is, for the server stops.</summary>
    public void Drain()
    {
        _draining = true;
        foreach (var feed in _feeds.Values) feed.Wake(news: false);
    }

    /// <summary>Whether the server stops.</summary>
    public bool IsDraining => _draining;

    /// <summary>The shared part of a room that someone active is in.</summary>
    public RoomFeed? Room(RoomNid room) => _rooms.GetValueOrDefault(room);

    /// <summary>A user's feed, filled or being filled, for what a flush touches.</summary>
    internal UserFeed? Touched(string userId) => _feeds.GetValueOrDefault(userId);

    /// <summary>A user came or went. Called by the one who takes flushes in.</summary>
    internal void Stand(UserFeed feed, RoomNid nid, Standing standing, long position, List<UserFeed> wake)
    {
        var room = Hold(nid);
        var mark = feed.Stand(room, standing, position, live: true, Ephemeral, wake, out bool added);
        if (added) Interlocked.Increment(ref _marks);
        else Release(room);
        if (mark is null) return;

        if (standing == Standing.Joined) room.Admit(mark);
        else room.Dismiss(mark);
    }

    /// <summary>
    /// Someone's device list changed: every sync looks from now on whether it is someone of theirs. Who waits is woken by
    /// <see cref="DeviceListWatch"/>, which asks the database who shares a room.
    /// </summary>
    internal void DeviceListChanged(string userId, string? onlyFor, long position, List<UserFeed> wake)
    {
        Volatile.Write(ref _deviceLists, position);
        Touched(onlyFor ?? userId)?.TouchDeviceLists(position, Ephemeral, wake);
        if (onlyFor is null && !_feeds.IsEmpty) DeviceLists.Changed(userId, position);
    }

    /// <summary>Where changes of device lists are queued until those concerned are found.</summary>
    internal DeviceListWatch DeviceLists { get; }

    /// <summary>Users whom the flush concerns that the streams are reading. The writer thread's own.</summary>
    internal List<UserFeed> ToWake { get; } = [];

    /// <inheritdoc/>
    public void Begin(long through) => Volatile.Write(ref _begun, through);

    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        // The streams do, each what is its own.
    }

    /// <summary>Every stream has read the flush: it becomes visible, and whoever waits for it is woken.</summary>
    /// <param name="through">The greatest position of the flush.</param>
    public void End(long through)
    {
        Volatile.Write(ref _applied, through);
        foreach (var feed in ToWake) feed.Wake(news: true);
        ToWake.Clear();
    }

    /// <inheritdoc/>
    public void Missed(long through) => ForgetAll(through);

    /// <summary>Forgets everyone, for a stream missed changes: each user is read from the database again.</summary>
    internal void ForgetAll(long through)
    {
        Volatile.Write(ref _deviceLists, through);
        foreach (var feed in _feeds.Values)
        {
            Evict(feed, evenIfAwaited: true);
            feed.Wake(news: true);
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
            foreach (var feed in _typingWake) feed.Wake(news: true);
            _typingWake.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sweep.Dispose();

    /// <summary>Forgets who was idle for too long.</summary>
    internal void EvictIdle()
    {
        foreach (var feed in _feeds.Values)
        {
            if (feed.KnownSince != long.MaxValue && _time.GetElapsedTime(feed.LastUsed) > _options.IdleAfter) Evict(feed);
        }
    }

    /// <summary>
    /// The flush that is, or was last, taken in. Whoever comes onto the board while that goes on may have missed a part of it, and so knows
    /// what comes after it only.
    /// </summary>
    private long Begun => Volatile.Read(ref _begun);

    private async ValueTask<bool> FillAsync(UserFeed feed, CancellationToken stop)
    {
        // The feed is on the board already: what is committed while the rooms are read reaches it live and stands.
        var standings = await _source.StandingsAsync(feed.UserId, stop);
        if (!MakeRoom(standings.Count)) return false;

        foreach (var standing in standings)
        {
            var room = Hold(standing.Room);
            var mark = feed.Stand(room, standing.Standing, standing.Since, live: false, 0, [], out bool added);
            if (added) Interlocked.Increment(ref _marks);
            else Release(room);
            if (mark is not null && standing.Standing == Standing.Joined) room.Admit(mark);
        }

        feed.FilledAt(Begun);
        return true;
    }

    /// <summary>Evicts those who were idle longest until so many more rooms fit; false if too many users wait at once.</summary>
    private bool MakeRoom(int marks)
    {
        if (Marks + marks <= _options.MaxRoomMarks) return true;
        foreach (var feed in _feeds.Values.Where(f => f.KnownSince != long.MaxValue).OrderBy(f => f.LastUsed).ToArray())
        {
            Evict(feed);
            if (Marks + marks <= _options.MaxRoomMarks) return true;
        }

        return false;
    }

    private void Evict(UserFeed feed, bool evenIfAwaited = false)
    {
        if (!feed.TryEvict(evenIfAwaited, out var marks)) return;
        _feeds.TryRemove(new KeyValuePair<string, UserFeed>(feed.UserId, feed));
        foreach (var mark in marks)
        {
            mark.Room.Dismiss(mark);
            Release(mark.Room);
        }

        Interlocked.Add(ref _marks, -marks.Length);
    }

    private RoomFeed Hold(RoomNid nid)
    {
        lock (_roomsGate)
        {
            if (!_rooms.TryGetValue(nid, out var room))
            {
                room = new RoomFeed(nid);
                room.KnowsReceiptsAfter(Begun);
                _rooms[nid] = room;
            }

            room.Holders++;
            return room;
        }
    }

    private void Release(RoomFeed room)
    {
        lock (_roomsGate)
        {
            if (--room.Holders == 0) _rooms.TryRemove(room.RoomNid, out _);
        }
    }
}
