using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// The changes for one user who syncs: the user's rooms by recency, and the last position of everything outside rooms.
/// </summary>
internal sealed class UserStream(string userId)
{
    private readonly Lock _gate = new();
    private readonly RecentRooms _rooms = new();
    private readonly UserDevices _devices = new();
    private readonly SyncWaiters _waiters = new();
    private readonly RecentPresence _presence = new();
    private long _lastPosition;
    private long _lastEphemeral;
    private long _accountData;
    private long _deviceLists;
    private long _strippedRooms;
    private long _threads;
    private long _knownSince = long.MaxValue;
    private bool _wakePending;
    private bool _evicted;

    public string UserId => userId;

    /// <summary>Completes when the stream was filled, with false if that failed.</summary>
    public TaskCompletionSource<bool> Filled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The time of the user's last sync, by the notifier's clock.</summary>
    public long LastUsed
    {
        get => Volatile.Read(ref _lastUsed);
        set => Volatile.Write(ref _lastUsed, value);
    }

    private long _lastUsed;

    /// <summary>The stream has all changes after this position; earlier ones are only in the database.</summary>
    public long KnownSince => Volatile.Read(ref _knownSince);

    /// <summary>The last change of global account data, or of account data of a room that is not in the list.</summary>
    public long LastAccountData => Volatile.Read(ref _accountData);

    /// <summary>The last change of a device list that concerns the user.</summary>
    public long LastDeviceLists => Volatile.Read(ref _deviceLists);

    /// <summary>The last change of a room that the user knows only by an invite or knock.</summary>
    public long LastStrippedRooms => Volatile.Read(ref _strippedRooms);

    /// <summary>The last change of a subscription to a thread.</summary>
    public long LastThreads => Volatile.Read(ref _threads);

    /// <summary>The number of rooms in the list.</summary>
    public int Subscriptions
    {
        get { lock (_gate) return _rooms.Count; }
    }

    /// <summary>Whether a long-poll is open.</summary>
    public bool HasWaiters
    {
        get { lock (_gate) return !_waiters.IsEmpty; }
    }

    /// <summary>The stream has all changes after this position.</summary>
    public void FilledAt(long position)
    {
        lock (_gate)
        {
            _lastPosition = Math.Max(_lastPosition, position);
            Volatile.Write(ref _knownSince, position);
        }
    }

    /// <summary>The stream of a device.</summary>
    public DeviceStream Device(string deviceId)
    {
        DeviceStream device;
        bool dropped;
        lock (_gate) device = _devices.GetOrAdd(deviceId, _lastPosition, out dropped);
        if (dropped) Wake(news: true);
        return device;
    }

    /// <summary>Whether there may be news after a token. Reads a few fields only.</summary>
    public bool HasNews(in SyncToken since, Notifier notifier, DeviceStream device) =>
        since.Position < Volatile.Read(ref _knownSince)
        || Volatile.Read(ref _lastPosition) > since.Position
        || Volatile.Read(ref _lastEphemeral) > since.EphemeralIn(notifier.Epoch)
        || notifier.LastDeviceLists > since.Position
        || device.LastToDevice > since.Position
        || device.LastKeys > since.Position
        || since.ToDevice is not null;

    /// <summary>
    /// The rooms with news after a token, the latest first; false if the stream does not reach back to it and the
    /// database must be read.
    /// </summary>
    public bool TryCollect(long after, long ephemeralAfter, List<UpdatedRoom> rooms)
    {
        lock (_gate)
        {
            if (_evicted || after < _knownSince) return false;
            _rooms.Collect(after, ephemeralAfter, rooms);
            return true;
        }
    }

    /// <summary>
    /// The last changes of a room that need no event; false if the stream does not reach back to a position, or does
    /// not have the room.
    /// </summary>
    public bool TryLastOf(RoomNid room, long after, out RoomLast last)
    {
        lock (_gate)
        {
            last = default;
            if (_evicted || after < _knownSince || !_rooms.TryGet(room, out var subscription)) return false;
            last = new(subscription.Room.LastReceipts, subscription.OwnReceipts, subscription.AccountData);
            return true;
        }
    }

    /// <summary>
    /// The users whose presence changed between two ephemeral counters, and who shared a room then; false if not all of
    /// them are remembered.
    /// </summary>
    public bool TryPresence(long after, long through, HashSet<string> users)
    {
        lock (_gate) return !_evicted && _presence.TryCollect(after, through, users);
    }

    /// <summary>Changes of presence after this ephemeral counter reach the stream. Those before may be news.</summary>
    public void KnowsPresenceAfter(long ephemeral)
    {
        lock (_gate)
        {
            _presence.KnowsAfter(ephemeral);
            if (ephemeral > _lastEphemeral) Volatile.Write(ref _lastEphemeral, ephemeral);
        }
    }

    /// <summary>Collects the rooms that the user is joined to.</summary>
    public void CollectJoined(List<RoomStream> rooms)
    {
        lock (_gate) _rooms.CollectJoined(rooms);
    }

    /// <summary>The room's shared stream, if the room is in the list.</summary>
    public bool TryRoom(RoomNid room, [NotNullWhen(true)] out RoomStream? stream)
    {
        lock (_gate)
        {
            stream = _rooms.TryGet(room, out var subscription) ? subscription.Room : null;
            return stream is not null;
        }
    }

    /// <summary>Applies a change in a room of the list. Called with the room's lock held.</summary>
    public void Touch(RoomSubscription subscription, long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            _rooms.MoveToFront(subscription);
            Stamp(position, ephemeral, wake);
            subscription.TouchedPosition = _lastPosition;
            subscription.TouchedEphemeral = _lastEphemeral;
        }
    }

    /// <summary>
    /// Applies a change of the user's own read position, or of their counts; the subscription was touched already.
    /// </summary>
    public void TouchOwnReceipt(RoomSubscription subscription, long position)
    {
        lock (_gate) subscription.OwnReceipts = position;
    }

    /// <summary>Applies a change of the user's account data, in a room or (null) global.</summary>
    public void TouchAccountData(RoomNid? room, long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            if (room is { } nid && _rooms.TryGet(nid, out var subscription))
            {
                _rooms.MoveToFront(subscription);
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

    /// <summary>
    /// Applies a message to a device, or a change of its keys: <paramref name="touch"/> records it in the device's
    /// stream.
    /// </summary>
    public void TouchDevice(string deviceId, long position, Action<DeviceStream, long> touch, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            if (_devices.Touch(deviceId, position, touch)) WakeLater(wake);
        }
    }

    /// <summary>Applies a message to all devices.</summary>
    public void TouchAllDevices(long position, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            if (_devices.TouchAllToDevice(position)) WakeLater(wake);
        }
    }

    /// <summary>Applies a change of the device list of a user who may share a room with this one.</summary>
    public void TouchDeviceLists(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            Volatile.Write(ref _deviceLists, Math.Max(position, _deviceLists));
        }
    }

    /// <summary>Applies a change of the presence of a user who shares a room with this one.</summary>
    public void TouchPresence(string ofUser, long ephemeral, int remembered, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(0, ephemeral, wake);
            _presence.Add(ofUser, ephemeral, remembered);
        }
    }

    /// <summary>Applies a change of a room that the user knows only by an invite or knock.</summary>
    public void TouchStrippedRooms(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            Volatile.Write(ref _strippedRooms, position);
        }
    }

    /// <summary>Applies a change of the user's subscription to a thread.</summary>
    public void TouchThreads(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_evicted) return;
            Stamp(position, ephemeral, wake);
            Volatile.Write(ref _threads, position);
        }
    }

    /// <summary>Applies a change of the user's membership. The caller updates the room's active members.</summary>
    public RoomSubscription? SetMembership(
        RoomStream room, ShownMembership membership, long position, bool live, long ephemeral, List<UserStream> wake,
        out bool added)
    {
        lock (_gate)
        {
            added = false;
            if (_evicted) return null;
            if (!_rooms.TryGet(room.RoomNid, out var subscription))
            {
                subscription = new RoomSubscription(this, room) { Membership = membership, MembershipSince = position };
                _rooms.Add(subscription);
                added = true;
            }
            else if (!live)
            {
                // The live membership is newer than the one from the database.
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
                _rooms.MoveToFront(subscription);
                Stamp(position, ephemeral, wake);
                subscription.TouchedPosition = _lastPosition;
                subscription.TouchedEphemeral = _lastEphemeral;
            }
            else if (added)
            {
                // Rows come latest first. They go to the end, after live changes, because every token that the stream
                // serves is newer than they are.
                _rooms.Append(subscription);
            }

            return subscription;
        }
    }

    /// <summary>
    /// Adds a long-poll. False, and nothing is added, if there is news already or the device must be looked up again.
    /// </summary>
    public bool TryWait(SyncWaiter waiter, in SyncToken since, Notifier notifier, DeviceStream device)
    {
        SyncWaiter? oldest;
        lock (_gate)
        {
            if (_evicted || device.IsForgotten || HasNews(since, notifier, device)) return false;
            oldest = _waiters.Add(waiter);
        }

        oldest?.TryWake(news: false);
        return true;
    }

    /// <summary>Removes a long-poll that ended by itself.</summary>
    public void Forget(SyncWaiter waiter)
    {
        lock (_gate) _waiters.Remove(waiter);
    }

    /// <summary>Wakes every long-poll: after a flush was applied, or without news when the server stops.</summary>
    public void Wake(bool news)
    {
        SyncWaiter? woken;
        lock (_gate)
        {
            _wakePending = false;
            woken = _waiters.TakeAll();
        }

        SyncWaiters.WakeAll(woken, news);
    }

    /// <summary>
    /// Ends the stream, unless it has waiters; the caller removes its subscriptions from their rooms.
    /// </summary>
    public bool TryEvict(bool evenIfAwaited, [NotNullWhen(true)] out RoomSubscription[]? subscriptions)
    {
        lock (_gate)
        {
            subscriptions = null;
            if (_evicted || (!_waiters.IsEmpty && !evenIfAwaited)) return false;
            _evicted = true;
            Volatile.Write(ref _knownSince, long.MaxValue);
            subscriptions = _rooms.Clear();
            return true;
        }
    }

    /// <summary>
    /// Records a touch. Both counters only grow, in whatever order threads come, so that the list stays sorted by both.
    /// </summary>
    private void Stamp(long position, long ephemeral, List<UserStream> wake)
    {
        if (position > _lastPosition) Volatile.Write(ref _lastPosition, position);
        if (ephemeral > _lastEphemeral) Volatile.Write(ref _lastEphemeral, ephemeral);
        WakeLater(wake);
    }

    private void WakeLater(List<UserStream> wake)
    {
        if (_wakePending || _waiters.IsEmpty) return;
        _wakePending = true;
        wake.Add(this);
    }
}
