using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>What may have changed for a user in one room.</summary>
/// <param name="Room">The room's recent past.</param>
/// <param name="Membership">How the user stands to the room.</param>
/// <param name="MembershipSince">Since when, at the latest.</param>
/// <param name="Parts">What may have changed.</param>
internal readonly record struct UpdatedRoom(RoomStream Room, ShownMembership Membership, long MembershipSince, RoomParts Parts);

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
    Membership = 32,
}

/// <summary>Whom a user ignored.</summary>
/// <param name="AsOf">At this position at least.</param>
/// <param name="Users">Whom.</param>
internal sealed record RememberedIgnored(long AsOf, IReadOnlySet<string> Users);

/// <summary>
/// What happened for one user who syncs: the rooms by recency, and the last position of everything that is not in a room.
/// </summary>
internal sealed class UserStream(string userId)
{
    /// <summary>How many long-polls a user can hold open; one more ends the oldest.</summary>
    internal const int MaxWaiters = 64;

    /// <summary>How many devices are remembered; one more forgets them all, and wakes who waits, so that the used ones are learnt again.</summary>
    internal const int MaxDevices = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, RoomSubscription> _subscriptions = [];
    private readonly Dictionary<string, DeviceStream> _devices = [];
    private readonly DeviceStream _unknownDevices = new();
    private RoomSubscription? _newest;
    private RoomSubscription? _oldest;
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

    /// <summary>Completes when the stream was filled.</summary>
    public TaskCompletionSource<bool> Filled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When the user last synced, as the notifier's clock counts.</summary>
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

    /// <summary>The stream tells everything that happened after this position; what was before is a question to the database.</summary>
    public long KnownSince => Volatile.Read(ref _knownSince);

    /// <summary>The last change of global account data, or of that of a room which is not in the list.</summary>
    public long LastAccountData => Volatile.Read(ref _accountData);

    /// <summary>The last change of a device list that concerns the user.</summary>
    public long LastDeviceLists => Volatile.Read(ref _deviceLists);

    /// <summary>How many rooms are in the list.</summary>
    public int Subscriptions
    {
        get { lock (_gate) return _subscriptions.Count; }
    }

    /// <summary>Whether a long-poll is open.</summary>
    public bool HasWaiters
    {
        get { lock (_gate) return _waiters is not null; }
    }

    /// <summary>The stream is complete from here on.</summary>
    public void FilledAt(long position)
    {
        lock (_gate)
        {
            _lastPosition = Math.Max(_lastPosition, position);
            Volatile.Write(ref _knownSince, position);
        }
    }

    /// <summary>A device's own part.</summary>
    public DeviceStream Device(string deviceId)
    {
        DeviceStream? device;
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

            device = new DeviceStream();

            // Whether something came for it before the stream knew it is not known: as if it had.
            device.TouchToDevice(Math.Max(_lastPosition, _unknownDevices.LastToDevice));
            if (_unknownDevices.LastKeys > 0) device.TouchKeys(_unknownDevices.LastKeys);
            _devices[deviceId] = device;
        }

        if (full) Wake(news: true);
        return device;
    }

    /// <summary>Whether anything may be new after a token. Costs a few reads of memory.</summary>
    public bool HasNews(in SyncToken since, Notifier notifier, DeviceStream device) =>
        since.Position < Volatile.Read(ref _knownSince)
        || Volatile.Read(ref _lastPosition) > since.Position
        || Volatile.Read(ref _lastEphemeral) > since.EphemeralIn(notifier.Epoch)
        || notifier.LastDeviceLists > since.Position
        || device.LastToDevice > since.Position
        || device.LastKeys > since.Position
        || since.ToDevice is not null;

    /// <summary>The rooms with news after a token, most recent first; false if the stream cannot tell and the database must be asked.</summary>
    public bool TryCollect(long after, long ephemeralAfter, List<UpdatedRoom> rooms)
    {
        lock (_gate)
        {
            if (_evicted || after < _knownSince) return false;
            for (var subscription = _newest; subscription is not null; subscription = subscription.Older)
            {
                if (subscription.TouchedPosition <= after && subscription.TouchedEphemeral <= ephemeralAfter) break;
                var parts = PartsOf(subscription, after, ephemeralAfter);
                if (parts != RoomParts.None) rooms.Add(new UpdatedRoom(subscription.Room, subscription.Membership, subscription.MembershipSince, parts));
            }

            return true;
        }
    }

    /// <summary>The room's shared part, if the room is in the list.</summary>
    public bool TryRoom(RoomNid room, [NotNullWhen(true)] out RoomStream? stream)
    {
        lock (_gate)
        {
            stream = _subscriptions.TryGetValue(room, out var subscription) ? subscription.Room : null;
            return stream is not null;
        }
    }

    /// <summary>Something happened in a room of the list. Called with the room's lock held.</summary>
    public void Touch(RoomSubscription subscription, long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            MoveToFront(subscription);
            Stamp(position, ephemeral, wake);
            subscription.TouchedPosition = _lastPosition;
            subscription.TouchedEphemeral = _lastEphemeral;
        }
    }

    /// <summary>The user's own read position changed; the subscription was touched already.</summary>
    public void TouchOwnReceipt(RoomSubscription subscription, long position)
    {
        lock (_gate) subscription.OwnReceipts = position;
    }

    /// <summary>The user's account data changed, in a room or (null) globally.</summary>
    public void TouchAccountData(RoomNid? room, long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            if (room is { } nid && _subscriptions.TryGetValue(nid, out var subscription))
            {
                MoveToFront(subscription);
                subscription.AccountData = position;
                subscription.TouchedPosition = _lastPosition;
                subscription.TouchedEphemeral = _lastEphemeral;
            }
            else
            {
                // Rooms that the user left before the stream was filled are not in the list.
                Volatile.Write(ref _accountData, position);
            }
        }
    }

    /// <summary>A message for a device, or its keys changed: <paramref name="touch"/> says it to the device's part.</summary>
    public void TouchDevice(string deviceId, long position, Action<DeviceStream, long> touch, List<UserStream> wake)
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
    public void TouchAllDevices(long position, List<UserStream> wake)
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
    public void TouchDeviceLists(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            Volatile.Write(ref _deviceLists, Math.Max(position, _deviceLists));
        }
    }

    /// <summary>The user came or went. The caller lets the subscription in among the room's members, or out.</summary>
    public RoomSubscription? SetMembership(
        RoomStream room, ShownMembership membership, long position, bool live, long ephemeral, List<UserStream> wake, out bool added)
    {
        lock (_gate)
        {
            added = false;
            if (_evicted) return null;
            if (!_subscriptions.TryGetValue(room.RoomNid, out var subscription))
            {
                subscription = new RoomSubscription(this, room) { Membership = membership, MembershipSince = position };
                _subscriptions.Add(room.RoomNid, subscription);
                added = true;
            }
            else if (!live)
            {
                // What was seen live is newer than what was read.
                return subscription;
            }
            else if (subscription.Membership != membership)
            {
                subscription.Membership = membership;
                subscription.MembershipSince = position;
            }
            else if (membership != ShownMembership.Joined)
            {
                subscription.MembershipSince = position;
            }

            if (live)
            {
                MoveToFront(subscription);
                Stamp(position, ephemeral, wake);
                subscription.TouchedPosition = _lastPosition;
                subscription.TouchedEphemeral = _lastEphemeral;
            }
            else if (added)
            {
                // Read rows come most recent first and go behind what was seen live: no token that the stream serves is as old as they.
                Append(subscription);
            }

            return subscription;
        }
    }

    /// <summary>Lets a long-poll wait; false if there is news already, or its device must be asked for again, and nothing waits.</summary>
    public bool TryWait(SyncWaiter waiter, in SyncToken since, Notifier notifier, DeviceStream device)
    {
        SyncWaiter? oldest = null;
        lock (_gate)
        {
            if (_evicted || device.IsForgotten || HasNews(since, notifier, device)) return false;
            if (_waiterCount == MaxWaiters)
            {
                for (oldest = _waiters; oldest!.NextInStream is { } next;) oldest = next;
                Unlink(oldest);
            }

            waiter.NextInStream = _waiters;
            if (_waiters is { } first) first.PreviousInStream = waiter;
            _waiters = waiter;
            waiter.InStream = true;
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
            if (waiter.InStream) Unlink(waiter);
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
            for (var waiter = woken; waiter is not null; waiter = waiter.NextInStream) waiter.InStream = false;
            _waiters = null;
            _waiterCount = 0;
        }

        while (woken is not null)
        {
            var next = woken.NextInStream;
            woken.NextInStream = woken.PreviousInStream = null;
            woken.TryWake(news);
            woken = next;
        }
    }

    /// <summary>Ends the stream, unless someone waits on it; its subscriptions are the caller's to take from their rooms.</summary>
    public bool TryEvict(bool evenIfAwaited, [NotNullWhen(true)] out RoomSubscription[]? subscriptions)
    {
        lock (_gate)
        {
            subscriptions = null;
            if (_evicted || (_waiters is not null && !evenIfAwaited)) return false;
            _evicted = true;
            Volatile.Write(ref _knownSince, long.MaxValue);
            subscriptions = [.. _subscriptions.Values];
            _subscriptions.Clear();
            _newest = _oldest = null;
            return true;
        }
    }

    private static RoomParts PartsOf(RoomSubscription subscription, long after, long ephemeralAfter)
    {
        var parts = RoomParts.None;
        if (subscription.MembershipSince > after) parts |= RoomParts.Membership;
        if (subscription.AccountData > after) parts |= RoomParts.AccountData;
        if (subscription.Membership != ShownMembership.Joined) return parts;
        if (subscription.Room.LastEvents > after) parts |= RoomParts.Events;
        if (subscription.Room.LastReceipts > after) parts |= RoomParts.Receipts;
        if (subscription.Room.LastTyping > ephemeralAfter) parts |= RoomParts.Typing;
        if (subscription.OwnReceipts > after) parts |= RoomParts.OwnReceipts;
        return parts;
    }

    /// <summary>Takes a touch in. Both stamps only grow, whatever order two threads come in, so that the list stays sorted by both.</summary>
    private void Stamp(long position, long ephemeral, List<UserStream> wake)
    {
        if (position > _lastPosition) Volatile.Write(ref _lastPosition, position);
        if (ephemeral > _lastEphemeral) Volatile.Write(ref _lastEphemeral, ephemeral);
        WakeLater(wake);
    }

    private void WakeLater(List<UserStream> wake)
    {
        if (_wakePending || _waiters is null) return;
        _wakePending = true;
        wake.Add(this);
    }

    private void MoveToFront(RoomSubscription subscription)
    {
        if (_newest == subscription) return;
        if (subscription.Newer is not null || _oldest == subscription)
        {
            if (subscription.Newer is { } newer) newer.Older = subscription.Older;
            if (subscription.Older is { } older) older.Newer = subscription.Newer;
            if (_oldest == subscription) _oldest = subscription.Newer;
        }

        subscription.Newer = null;
        subscription.Older = _newest;
        if (_newest is { } was) was.Newer = subscription;
        _newest = subscription;
        _oldest ??= subscription;
    }

    private void Append(RoomSubscription subscription)
    {
        subscription.Newer = _oldest;
        if (_oldest is { } was) was.Older = subscription;
        _oldest = subscription;
        _newest ??= subscription;
    }

    private void Unlink(SyncWaiter waiter)
    {
        if (waiter.PreviousInStream is { } previous) previous.NextInStream = waiter.NextInStream;
        else _waiters = waiter.NextInStream;
        if (waiter.NextInStream is { } next) next.PreviousInStream = waiter.PreviousInStream;
        waiter.NextInStream = waiter.PreviousInStream = null;
        waiter.InStream = false;
        _waiterCount--;
    }
}
