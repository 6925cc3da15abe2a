using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>What may have changed for a user in one room.</summary>
/// <param name="Room">The room's recent past.</param>
/// <param name="Standing">How the user stands to the room.</param>
/// <param name="StandingSince">Since when, at the latest.</param>
/// <param name="Parts">What may have changed.</param>
internal readonly record struct RoomNews(RoomFeed Room, Standing Standing, long StandingSince, RoomParts Parts);

/// <summary>The parts of a room in a sync answer.</summary>
[Flags]
internal enum RoomParts : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Timeline or state.</summary>
    Events = 1,

    /// <summary>Others' receipts.</summary>
    Receipts = 2,

    /// <summary>Who types.</summary>
    Typing = 4,

    /// <summary>The user's own data in the room.</summary>
    AccountData = 8,

    /// <summary>The user's own read position.</summary>
    OwnReceipts = 16,

    /// <summary>The user came or went.</summary>
    Standing = 32,
}

/// <summary>Whom a user ignored.</summary>
/// <param name="AsOf">At this position at least.</param>
/// <param name="Users">Whom.</param>
internal sealed record RememberedIgnored(long AsOf, IReadOnlySet<string> Users);

/// <summary>
/// What happened for one user who syncs: the rooms by recency, and the last position of everything that is not in a room.
/// </summary>
internal sealed class UserFeed(string userId)
{
    /// <summary>How many long-polls a user can hold open; one more ends the oldest.</summary>
    internal const int MaxWaiters = 64;

    /// <summary>How many devices are remembered; one more forgets them all, and wakes who waits, so that the used ones are learnt again.</summary>
    internal const int MaxDevices = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, RoomMark> _marks = [];
    private readonly Dictionary<string, DeviceFeed> _devices = [];
    private readonly DeviceFeed _unknownDevices = new();
    private RoomMark? _newest;
    private RoomMark? _oldest;
    private SyncWaiter? _waiters;
    private int _waiterCount;
    private long _lastPosition;
    private long _lastEphemeral;
    private long _accountData;
    private long _deviceLists;
    private long _knownSince = long.MaxValue;
    private bool _wakePending;
    private bool _evicted;

    /// <summary>The user.</summary>
    public string UserId => userId;

    /// <summary>Completes when the feed was filled.</summary>
    public TaskCompletionSource<bool> Filled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When the user last synced, as the board's clock counts.</summary>
    public long LastUsed
    {
        get => Volatile.Read(ref _lastUsed);
        set => Volatile.Write(ref _lastUsed, value);
    }

    private long _lastUsed;

    /// <summary>Whom the user ignores, as it was read last; null if it was not.</summary>
    public RememberedIgnored? Ignored
    {
        get => Volatile.Read(ref _ignored);
        set => Volatile.Write(ref _ignored, value);
    }

    private RememberedIgnored? _ignored;

    /// <summary>The feed tells everything that happened after this position; what was before is a question to the database.</summary>
    public long KnownSince => Volatile.Read(ref _knownSince);

    /// <summary>The last change of global account data, or of that of a room which is not in the list.</summary>
    public long LastAccountData => Volatile.Read(ref _accountData);

    /// <summary>The last change of a device list that concerns the user.</summary>
    public long LastDeviceLists => Volatile.Read(ref _deviceLists);

    /// <summary>How many rooms are in the list.</summary>
    public int Marks
    {
        get { lock (_gate) return _marks.Count; }
    }

    /// <summary>Whether a long-poll is open.</summary>
    public bool HasWaiters
    {
        get { lock (_gate) return _waiters is not null; }
    }

    /// <summary>The feed is complete from here on.</summary>
    public void FilledAt(long position)
    {
        lock (_gate)
        {
            _lastPosition = Math.Max(_lastPosition, position);
            Volatile.Write(ref _knownSince, position);
        }
    }

    /// <summary>A device's own part.</summary>
    public DeviceFeed Device(string deviceId)
    {
        DeviceFeed? device;
        bool full;
        lock (_gate)
        {
            if (_devices.TryGetValue(deviceId, out device)) return device;
            full = _devices.Count >= MaxDevices;
            if (full)
            {
                foreach (var forgotten in _devices.Values) forgotten.IsForgotten = true;
                _devices.Clear();
            }

            device = new DeviceFeed();

            // Whether something came for it before the feed knew it is not known: as if it had.
            device.TouchToDevice(Math.Max(_lastPosition, _unknownDevices.LastToDevice));
            if (_unknownDevices.LastKeys > 0) device.TouchKeys(_unknownDevices.LastKeys);
            _devices[deviceId] = device;
        }

        if (full) Wake(news: true);
        return device;
    }

    /// <summary>Whether anything may be new after a token. Costs a few reads of memory.</summary>
    public bool HasNews(in SyncToken since, SyncBoard board, DeviceFeed device) =>
        since.Position < Volatile.Read(ref _knownSince)
        || Volatile.Read(ref _lastPosition) > since.Position
        || Volatile.Read(ref _lastEphemeral) > since.EphemeralIn(board.Epoch)
        || board.LastDeviceLists > since.Position
        || device.LastToDevice > since.Position
        || device.LastKeys > since.Position
        || since.ToDevice is not null;

    /// <summary>The rooms with news after a token, most recent first; false if the feed cannot tell and the database must be asked.</summary>
    public bool TryCollect(long after, long ephemeralAfter, List<RoomNews> rooms)
    {
        lock (_gate)
        {
            if (_evicted || after < _knownSince) return false;
            for (var mark = _newest; mark is not null; mark = mark.Older)
            {
                if (mark.TouchedPosition <= after && mark.TouchedEphemeral <= ephemeralAfter) break;
                var parts = PartsOf(mark, after, ephemeralAfter);
                if (parts != RoomParts.None) rooms.Add(new RoomNews(mark.Room, mark.Standing, mark.StandingSince, parts));
            }

            return true;
        }
    }

    /// <summary>The room's shared part, if the room is in the list.</summary>
    public bool TryRoom(RoomNid room, [NotNullWhen(true)] out RoomFeed? feed)
    {
        lock (_gate)
        {
            feed = _marks.TryGetValue(room, out var mark) ? mark.Room : null;
            return feed is not null;
        }
    }

    /// <summary>Something happened in a room of the list. Called with the room's lock held.</summary>
    public void Touch(RoomMark mark, long position, long ephemeral, List<UserFeed> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            MoveToFront(mark);
            Stamp(position, ephemeral, wake);
            mark.TouchedPosition = _lastPosition;
            mark.TouchedEphemeral = _lastEphemeral;
        }
    }

    /// <summary>The user's own read position changed; the mark was touched already.</summary>
    public void TouchOwnReceipt(RoomMark mark, long position)
    {
        lock (_gate) mark.OwnReceipts = position;
    }

    /// <summary>The user's account data changed, in a room or (null) globally.</summary>
    public void TouchAccountData(RoomNid? room, long position, long ephemeral, List<UserFeed> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            if (room is { } nid && _marks.TryGetValue(nid, out var mark))
            {
                MoveToFront(mark);
                mark.AccountData = position;
                mark.TouchedPosition = _lastPosition;
                mark.TouchedEphemeral = _lastEphemeral;
            }
            else
            {
                // Rooms that the user left before the feed was filled are not in the list.
                Volatile.Write(ref _accountData, position);
            }
        }
    }

    /// <summary>A message for a device, or its keys changed: <paramref name="touch"/> says it to the device's part.</summary>
    public void TouchDevice(string deviceId, long position, Action<DeviceFeed, long> touch, List<UserFeed> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            if (!_devices.TryGetValue(deviceId, out var device))
            {
                touch(_unknownDevices, position);
                return;
            }

            touch(device, position);
            WakeLater(wake);
        }
    }

    /// <summary>A message for all devices.</summary>
    public void TouchAllDevices(long position, List<UserFeed> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            _unknownDevices.TouchToDevice(position);
            foreach (var device in _devices.Values) device.TouchToDevice(position);
            if (_devices.Count > 0) WakeLater(wake);
        }
    }

    /// <summary>Someone's device list changed who may share a room with the user.</summary>
    public void TouchDeviceLists(long position, long ephemeral, List<UserFeed> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            Volatile.Write(ref _deviceLists, Math.Max(position, _deviceLists));
        }
    }

    /// <summary>The user came or went. The caller lets the mark in among the room's members, or out.</summary>
    public RoomMark? Stand(
        RoomFeed room, Standing standing, long position, bool live, long ephemeral, List<UserFeed> wake, out bool added)
    {
        lock (_gate)
        {
            added = false;
            if (_evicted) return null;
            if (!_marks.TryGetValue(room.RoomNid, out var mark))
            {
                mark = new RoomMark(this, room) { Standing = standing, StandingSince = position };
                _marks.Add(room.RoomNid, mark);
                added = true;
            }
            else if (!live)
            {
                // What was seen live is newer than what was read.
                return mark;
            }
            else if (mark.Standing != standing)
            {
                mark.Standing = standing;
                mark.StandingSince = position;
            }
            else if (standing != Standing.Joined)
            {
                mark.StandingSince = position;
            }

            if (live)
            {
                MoveToFront(mark);
                Stamp(position, ephemeral, wake);
                mark.TouchedPosition = _lastPosition;
                mark.TouchedEphemeral = _lastEphemeral;
            }
            else if (added)
            {
                // Read rows come most recent first and go behind what was seen live: no token that the feed serves is as old as they.
                Append(mark);
            }

            return mark;
        }
    }

    /// <summary>Lets a long-poll wait; false if there is news already, or its device must be asked for again, and nothing waits.</summary>
    public bool TryWait(SyncWaiter waiter, in SyncToken since, SyncBoard board, DeviceFeed device)
    {
        SyncWaiter? oldest = null;
        lock (_gate)
        {
            if (_evicted || device.IsForgotten || HasNews(since, board, device)) return false;
            if (_waiterCount == MaxWaiters)
            {
                for (oldest = _waiters; oldest!.NextInFeed is { } next;) oldest = next;
                Unlink(oldest);
            }

            waiter.NextInFeed = _waiters;
            if (_waiters is { } first) first.PreviousInFeed = waiter;
            _waiters = waiter;
            waiter.InFeed = true;
            _waiterCount++;
        }

        oldest?.TryWake(news: false);
        return true;
    }

    /// <summary>A long-poll ended by itself.</summary>
    public void Forget(SyncWaiter waiter)
    {
        lock (_gate)
        {
            if (waiter.InFeed) Unlink(waiter);
        }
    }

    /// <summary>Wakes every long-poll: after a flush was taken in whole, or with no news when the server stops.</summary>
    public void Wake(bool news)
    {
        SyncWaiter? woken;
        lock (_gate)
        {
            _wakePending = false;
            woken = _waiters;
            for (var waiter = woken; waiter is not null; waiter = waiter.NextInFeed) waiter.InFeed = false;
            _waiters = null;
            _waiterCount = 0;
        }

        while (woken is not null)
        {
            var next = woken.NextInFeed;
            woken.NextInFeed = woken.PreviousInFeed = null;
            woken.TryWake(news);
            woken = next;
        }
    }

    /// <summary>Ends the feed, unless someone waits on it; its marks are the caller's to take from their rooms.</summary>
    public bool TryEvict(bool evenIfAwaited, [NotNullWhen(true)] out RoomMark[]? marks)
    {
        lock (_gate)
        {
            marks = null;
            if (_evicted || (_waiters is not null && !evenIfAwaited)) return false;
            _evicted = true;
            Volatile.Write(ref _knownSince, long.MaxValue);
            marks = [.. _marks.Values];
            _marks.Clear();
            _newest = _oldest = null;
            return true;
        }
    }

    private static RoomParts PartsOf(RoomMark mark, long after, long ephemeralAfter)
    {
        var parts = RoomParts.None;
        if (mark.StandingSince > after) parts |= RoomParts.Standing;
        if (mark.AccountData > after) parts |= RoomParts.AccountData;
        if (mark.Standing != Standing.Joined) return parts;
        if (mark.Room.LastEvents > after) parts |= RoomParts.Events;
        if (mark.Room.LastReceipts > after) parts |= RoomParts.Receipts;
        if (mark.Room.LastTyping > ephemeralAfter) parts |= RoomParts.Typing;
        if (mark.OwnReceipts > after) parts |= RoomParts.OwnReceipts;
        return parts;
    }

    /// <summary>Takes a touch in. Both stamps only grow, whatever order two threads come in, so that the list stays sorted by both.</summary>
    private void Stamp(long position, long ephemeral, List<UserFeed> wake)
    {
        if (position > _lastPosition) Volatile.Write(ref _lastPosition, position);
        if (ephemeral > _lastEphemeral) Volatile.Write(ref _lastEphemeral, ephemeral);
        WakeLater(wake);
    }

    private void WakeLater(List<UserFeed> wake)
    {
        if (_wakePending || _waiters is null) return;
        _wakePending = true;
        wake.Add(this);
    }

    private void MoveToFront(RoomMark mark)
    {
        if (_newest == mark) return;
        if (mark.Newer is not null || _oldest == mark)
        {
            if (mark.Newer is { } newer) newer.Older = mark.Older;
            if (mark.Older is { } older) older.Newer = mark.Newer;
            if (_oldest == mark) _oldest = mark.Newer;
        }

        mark.Newer = null;
        mark.Older = _newest;
        if (_newest is { } was) was.Newer = mark;
        _newest = mark;
        _oldest ??= mark;
    }

    private void Append(RoomMark mark)
    {
        mark.Newer = _oldest;
        if (_oldest is { } was) was.Older = mark;
        _oldest = mark;
        _newest ??= mark;
    }

    private void Unlink(SyncWaiter waiter)
    {
        if (waiter.PreviousInFeed is { } previous) previous.NextInFeed = waiter.NextInFeed;
        else _waiters = waiter.NextInFeed;
        if (waiter.NextInFeed is { } next) next.PreviousInFeed = waiter.PreviousInFeed;
        waiter.NextInFeed = waiter.PreviousInFeed = null;
        waiter.InFeed = false;
        _waiterCount--;
    }
}
