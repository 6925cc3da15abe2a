using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Matrix.Core.Ident;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Told;
using Matrix.Host.Storage.Tables.Presence;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// The presence of local users and of those of other servers, in memory only. Changes wait here until
/// <see cref="PresencePublisher"/> shows them; of several changes of a user the latest is shown. Users of shards that
/// other nodes have are kept as these tell it, and until then as they were shown last. Thread-safe.
/// v1.19 client-server-api#presence
/// </summary>
public sealed partial class PresenceBoard : IDisposable
{
    /// <summary>The users that are looked at to find one who can be forgotten.</summary>
    private const int MostPassedOver = 32;

    /// <summary>The shortest time between two activities that count.</summary>
    private const long ActivityStep = 1000;

    private readonly Lock _gate = new();
    private readonly Meter _meter = new("Matrix.Host.Presence");
    private readonly Dictionary<string, PresenceEntry> _users = new(StringComparer.Ordinal);
    private readonly LinkedList<PresenceEntry> _order = new();
    private readonly Queue<PresenceEntry> _waiting = new();
    private readonly PresenceWheel _wheel = new();
    private readonly List<PresenceEntry> _due = [];
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly ShardGates _gates;
    private readonly bool _areAlwaysOpen;
    private readonly ShardOwners? _owners;
    private readonly PresenceOptions _options;
    private readonly PresenceLimits _limits;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _timerAt = long.MaxValue;

    /// <summary>Creates a board on which everyone is offline.</summary>
    /// <param name="owners">Who has the shards of other users; null where a test has one node.</param>
    /// <param name="tells">How other nodes are told which devices sync here.</param>
    /// <param name="memories">How other nodes are told who is present.</param>
    public PresenceBoard(
        ShardGates gates,
        PresenceOptions options,
        TimeProvider time,
        ShardOwners? owners = null,
        INodeTells? tells = null,
        ToldMemories? memories = null)
    {
        _gates = gates;
        _areAlwaysOpen = gates.AreAlwaysOpen;
        _owners = owners;
        _options = options;
        _limits = options.Limits;
        _time = time;
        _timer = time.CreateTimer(
            static board => ((PresenceBoard)board!).TimeIsUp(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _meter.CreateObservableGauge(
            "matrix_presence_users", () => Count, "{user}", "Users whose presence is in memory.");
        _meter.CreateObservableGauge(
            "matrix_presence_waiting", () => Waiting, "{user}", "Users whose changed presence is not shown yet.");
        Told = memories?.Share(this);
        if (!_areAlwaysOpen && owners is not null && tells is not null)
        {
            Visits = new PresenceVisits(this, gates, owners, tells, options, time);
        }

        gates.OnMoves(Moved);
    }

    /// <summary>Whether anybody sees presence.</summary>
    public bool IsOn => _options.Mode != PresenceMode.Off;

    /// <summary>Whether presence is exchanged with other servers.</summary>
    public bool IsFederated => _options.Mode == PresenceMode.On;

    /// <summary>The number of users in memory.</summary>
    public int Count
    {
        get { lock (_gate) return _users.Count; }
    }

    private int Waiting
    {
        get { lock (_gate) return _waiting.Count; }
    }

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// A device syncs, until the result is disposed of. v1.19 client-server-api#get_matrixclientv3sync, `set_presence`
    /// </summary>
    public PresentSync Sync(UserDevice device, PresenceState state)
    {
        if (!IsOn || state == PresenceState.Offline) return default;
        Visits?.Begin(device, state);
        if (!TryEnter(device.UserId, isLocal: true, out var visit))
        {
            return Visits is null ? default : new PresentSync(this, device);
        }

        using var inside = visit;
        var now = Now;
        lock (_gate)
        {
            if (FindOrAdd(device.UserId, isLocal: true) is { } user)
            {
                user.HasReturned();
                user.Devices = user.Devices.SyncBegan(device.DeviceId, state, now, _limits);
                Changed(user, now);
            }
            else if (Visits is null) return default;
        }

        return new PresentSync(this, device);
    }

    /// <summary>
    /// Takes local users who were present at the last stop: unless they come back soon, they are shown as offline.
    /// Clients of an imported server know what it showed, so that is no change.
    /// </summary>
    public void Restore(IReadOnlyList<PresentUser> users)
    {
        if (!IsOn) return;
        var now = Now;
        lock (_gate)
        {
            foreach (var each in users)
            {
                if (!TryEnter(each.UserId, isLocal: true, out var visit)) continue;
                using var inside = visit;
                if (_users.ContainsKey(each.UserId) || FindOrAdd(each.UserId, isLocal: true) is not { } user) continue;
                var state = (PresenceState)each.State;
                user.IsRestored = true;
                if (each.ImportedAt > 0)
                {
                    user.Devices = UserPresence.Imported(state, each.IsActive, each.LastActive, now, _limits);
                    user.Published = user.At(now, _limits);
                    user.ImportedAt = each.ImportedAt;
                }
                else user.Devices = UserPresence.Restored(state, each.LastActive, now);
                Changed(user, now);
            }
        }
    }

    /// <summary>The local users who are not offline now.</summary>
    public IReadOnlyList<PresentUser> Present()
    {
        var now = Now;
        lock (_gate)
        {
            return
            [
                .. _users.Values.Where(user => user.IsLocal && IsOwn(user))
                    .Select(user => new PresentUser(
                        user.UserId, (int)user.At(now, _limits).State, user.Devices.LastActive))
                    .Where(static user => user.State != (int)PresenceState.Offline),
            ];
        }
    }

    /// <summary>A user did something, such as sending a message.</summary>
    public void Acted(string userId)
    {
        if (!IsOn) return;
        lock (_gate)
        {
            if (FindOwn(userId, out var visit) is not { } user) return;
            using var inside = visit;
            var now = Now;
            if (Math.Abs(now - user.Devices.LastActive) < ActivityStep && user.Published.IsCurrentlyActive) return;
            user.Devices = user.Devices.Acted(now, _limits);
            Changed(user, now);
        }
    }

    /// <summary>What others see of a user now; null if nothing is known.</summary>
    public SeenPresence? Find(string userId)
    {
        lock (_gate) return _users.TryGetValue(userId, out var user) ? Seen(user, Now) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        Visits?.Dispose();
        _meter.Dispose();
    }

    /// <summary>A local user set their presence; the message is stored already.</summary>
    internal void Put(UserDevice device, PresenceState state, string? status)
    {
        if (!TryEnter(device.UserId, isLocal: true, out var visit)) return;
        using var inside = visit;
        var now = Now;
        lock (_gate)
        {
            if (FindOrAdd(device.UserId, isLocal: true) is not { } user) return;
            user.HasReturned();
            user.Devices = user.Devices.Put(device.DeviceId, state, now, _limits);
            user.Status = status;
            user.StatusIsKnown = true;
            Changed(user, now);
        }
    }

    /// <summary>The local users in memory who have a status message or are present.</summary>
    internal IReadOnlyList<string> LocalUsers()
    {
        lock (_gate)
        {
            return
            [
                .. _users.Where(static each => each.Value is { IsLocal: true, IsOwn: true }
                        && (each.Value.Status is not null || each.Value.Devices != UserPresence.Absent))
                    .Select(static each => each.Key),
            ];
        }
    }

    /// <summary>A local user's account ended.</summary>
    internal void Ended(string userId)
    {
        lock (_gate)
        {
            if (FindOwn(userId, out var visit) is not { } user) return;
            using var inside = visit;
            user.Devices = UserPresence.Absent;
            user.Status = null;
            user.StatusIsKnown = true;
            Changed(user, Now);
        }
    }

    /// <summary>Whether a user of another server is in memory, and so was seen in a shared room.</summary>
    internal bool Knows(string userId)
    {
        lock (_gate) return _users.ContainsKey(userId);
    }

    /// <summary>Takes what another server says about its user.</summary>
    internal void Receive(PresenceUpdate update)
    {
        if (!TryEnter(update.UserId, isLocal: false, out var visit)) return;
        using var inside = visit;
        var now = Now;
        lock (_gate)
        {
            if (FindOrAdd(update.UserId, isLocal: false) is not { IsLocal: false } user) return;
            var active = update.LastActiveAgo >= ReceivedPresence.LongestAgo ? 0 : now - update.LastActiveAgo;

            // Of a user who is not said to be active, each further activity counts.
            if (!update.IsCurrentlyActive
                && active - user.RemoteLastActive >= (long)_options.ActiveFor.TotalMilliseconds)
            {
                user.MustShow = true;
            }

            user.RemoteLastActive = Math.Max(active, user.RemoteLastActive);
            user.RemoteState = update.State;
            user.RemoteIsActive = update.IsCurrentlyActive;
            user.Status = update.StatusMessage;
            user.RemoteUntil = now + (long)_options.RemoteFor.TotalMilliseconds;
            Changed(user, now);
        }
    }

    internal void SyncEnded(UserDevice device)
    {
        Visits?.End(device);
        var now = Now;
        lock (_gate)
        {
            if (FindOwn(device.UserId, out var visit) is not { } user) return;
            using var inside = visit;
            user.Devices = user.Devices.SyncEnded(device.DeviceId, now);
            Changed(user, now);
        }
    }

    /// <summary>Waits until changes wait.</summary>
    internal async ValueTask WaitAsync(CancellationToken stop) =>
        _ = await _news.Reader.ReadAsync(stop);

    /// <summary>Local users among the first waiting changes whose message must be read from the database.</summary>
    internal IReadOnlyList<string> WithoutStatus()
    {
        lock (_gate)
        {
            return
            [
                .. _waiting.Where(static user => !user.StatusIsKnown).Take(_options.MaxChangesAtOnce)
                    .Select(static user => user.UserId),
            ];
        }
    }

    /// <summary>Sets messages that were read, unless the user has set another one since.</summary>
    internal void Learn(IReadOnlyList<string> users, IReadOnlyDictionary<string, string> statuses)
    {
        lock (_gate)
        {
            foreach (var userId in users)
            {
                if (!_users.TryGetValue(userId, out var user) || user.StatusIsKnown) continue;
                user.Status = statuses.GetValueOrDefault(userId);
                user.StatusIsKnown = true;
                if (user.ImportedAt > 0) user.Published = user.Published with { Status = user.Status };
            }
        }
    }

    /// <summary>Takes the changes that waited longest, a bounded number; those left wait for the next call.</summary>
    internal IReadOnlyList<PresenceChange> Take()
    {
        var changes = new List<PresenceChange>();
        lock (_gate)
        {
            var now = Now;
            for (var left = _waiting.Count; left > 0 && changes.Count < _options.MaxChangesAtOnce; left--)
            {
                var user = _waiting.Dequeue();
                if (!user.StatusIsKnown)
                {
                    _waiting.Enqueue(user);
                    continue;
                }

                user.IsWaiting = false;

                // Its shard is being given away: what is shown stays.
                if (user.IsOwn && !_gates.IsOpen(user.Shard)) continue;
                var shown = user.At(now, _limits);
                var isRepeated = IsRepetitionDue(user, shown, now);
                var isChanged = shown != user.Published || user.MustShow;
                if (isChanged || isRepeated || user.ImportedAt > 0)
                {
                    changes.Add(new PresenceChange(
                        user.UserId, user.IsLocal, !isChanged, isChanged ? 0 : user.ImportedAt));
                    if (user.IsOwn && (isChanged || user.ImportedAt > 0)) Told?.Changed(user.UserId);
                    user.Published = shown;
                    user.ShownAt = now;
                    user.MustShow = false;
                    user.ImportedAt = 0;
                    _order.Remove(user.InOrder!);
                    _order.AddLast(user.InOrder!);
                }

                Changed(user, now);
            }

            if (_waiting.Count > 0) Wake();
        }

        return changes;
    }

    /// <summary>Changes could not be shown: they wait again.</summary>
    internal void Again(IReadOnlyList<PresenceChange> changes)
    {
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (!_users.TryGetValue(change.UserId, out var user)) continue;
                user.MustShow = true;
                Changed(user, Now);
            }
        }
    }

    private SeenPresence Seen(PresenceEntry user, long now)
    {
        var shown = user.At(now, _limits);
        long? ago = user.LastActive > 0 ? Math.Max(0, now - user.LastActive) : null;
        return new SeenPresence(user.UserId, shown.State, shown.IsCurrentlyActive, shown.Status, ago);
    }

    /// <summary>Shards were opened or closed.</summary>
    private void Moved(IReadOnlyCollection<int> shards)
    {
        var moved = shards.ToHashSet();
        lock (_gate)
        {
            var now = Now;
            foreach (var user in _users.Values)
            {
                if (!moved.Contains(user.Shard)) continue;
                if (_gates.IsOpen(user.Shard)) TakeOver(user, now);
                else if (user.IsOwn)
                {
                    user.Release();
                    Changed(user, now);
                }
            }
        }
    }

    private void TakeOver(PresenceEntry user, long now)
    {
        if (user.IsOwn) return;
        user.TakeOver(now, (long)_options.RemoteFor.TotalMilliseconds);
        Told?.Changed(user.UserId);
        Changed(user, now);
    }

    private bool IsOwn(PresenceEntry user) => user.IsOwn && _gates.IsOpen(user.Shard);

    /// <summary>Enters the shard of a user, if this node has it.</summary>
    private bool TryEnter(string userId, bool isLocal, out ShardVisit visit)
    {
        visit = default;
        return _areAlwaysOpen || _gates.TryEnter(AuthorityOf(userId, isLocal), out visit);
    }

    private static Authority AuthorityOf(string userId, bool isLocal) =>
        isLocal ? Authority.User(userId) : Authority.Server(UserId.Server(userId));

    /// <summary>A local user who is in memory and whose shard this node has, entered; null if there is none.</summary>
    private PresenceEntry? FindOwn(string userId, out ShardVisit visit)
    {
        visit = default;
        if (!_users.TryGetValue(userId, out var user) || !user.IsLocal) return null;
        if (!TryEnter(userId, isLocal: true, out visit)) return null;
        TakeOver(user, Now);
        return user;
    }

    /// <summary>The user, whose shard was entered; null if there is no space for another one.</summary>
    private PresenceEntry? FindOrAdd(string userId, bool isLocal)
    {
        if (_users.TryGetValue(userId, out var known))
        {
            TakeOver(known, Now);
            return known;
        }

        return Add(userId, isLocal);
    }

    private PresenceEntry? Add(string userId, bool isLocal)
    {
        if (_users.Count >= _options.MaxUsers && !MakeRoom()) return null;
        var shard = _areAlwaysOpen ? 0 : AuthorityOf(userId, isLocal).Shard;
        var user = new PresenceEntry(userId, isLocal, shard) { StatusIsKnown = !isLocal };
        user.InOrder = _order.AddLast(user);
        _users[userId] = user;
        return user;
    }

    /// <summary>Forgets a user who has been offline for long. False if there is none among the first.</summary>
    private bool MakeRoom()
    {
        var node = _order.First;
        for (var passed = 0; node is not null && passed < MostPassedOver; passed++)
        {
            var user = node.Value;
            node = node.Next;
            _order.Remove(user.InOrder!);
            if (user.IsWaiting || user.Slot >= 0 || user.Published.State != PresenceState.Offline)
            {
                _order.AddLast(user.InOrder!);
                continue;
            }

            _users.Remove(user.UserId);
            return true;
        }

        return false;
    }

    /// <summary>Something of the user changed, or time passed: the change waits to be shown, now or later.</summary>
    private void Changed(PresenceEntry user, long now)
    {
        var next = user.NextChange(now, _limits);
        var shown = user.At(now, _limits);
        var isWanted = shown != user.Published || user.MustShow || user.ImportedAt > 0;
        if (!user.IsWaiting && (isWanted || IsRepetitionDue(user, shown, now)))
        {
            var earliest = user.ShownAt + (long)_options.ChangeInterval.TotalMilliseconds;
            if (earliest <= now || user.ShownAt > now)
            {
                user.IsWaiting = true;
                _waiting.Enqueue(user);
                Wake();
            }
            else next = Math.Min(next, earliest);
        }
        else if (IsRepeated(user) && shown.State != PresenceState.Offline)
        {
            next = Math.Min(next, Math.Max(now + 1, RepetitionOf(user)));
        }

        _wheel.Schedule(user, next, now);
        if (user.Due < _timerAt) Arm(user.Due, now);
    }

    private bool IsRepetitionDue(PresenceEntry user, PublishedPresence shown, long now) =>
        IsRepeated(user) && shown.State != PresenceState.Offline && RepetitionOf(user) <= now;

    /// <summary>Whether other servers get a user's presence again: each node sends it to those of its shards.</summary>
    private bool IsRepeated(PresenceEntry user) =>
        user.IsLocal && (user.IsOwn || user.From is not null) && IsFederated;

    private long RepetitionOf(PresenceEntry user) => user.ShownAt + (long)_options.RepeatAfter.TotalMilliseconds;

    private void TimeIsUp()
    {
        lock (_gate)
        {
            var now = Now;
            _timerAt = long.MaxValue;
            _due.Clear();
            _wheel.TakeDue(now, _due);
            foreach (var user in _due)
            {
                if (user.IsLocal) user.Devices = user.Devices.Pruned(now, _limits);
                Changed(user, now);
            }

            if (_wheel.Next < _timerAt) Arm(_wheel.Next, now);
        }
    }

    private void Arm(long at, long now)
    {
        _timerAt = at;
        var wait = Math.Clamp(at - now, 0, (long)TimeSpan.FromHours(1).TotalMilliseconds) + PresenceWheel.SlotTime;
        _timer.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
    }

    private void Wake() => _news.Writer.TryWrite(true);
}
