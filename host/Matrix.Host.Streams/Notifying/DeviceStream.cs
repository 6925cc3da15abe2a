using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Streams.Notifying;

/// <summary>What concerns one device of an active user, and what is remembered of what it was sent.</summary>
internal sealed class DeviceStream
{
    private readonly Lock _gate = new();
    private KeyCounts? _keyCounts;
    private long _keysChanged;
    private long _toDevice;

    // What an earlier process start handed out is not known: it may be anything.
    private long _firstDelivered;
    private long _lastDelivered;

    /// <summary>A device of a user for whom there is no room on the notifier: there may always be a message.</summary>
    public static DeviceStream Unwatched()
    {
        var device = new DeviceStream();
        device.TouchToDevice(long.MaxValue);
        return device;
    }

    /// <summary>Whether the user's stream no longer tells this part what comes for the device.</summary>
    public bool IsForgotten
    {
        get => Volatile.Read(ref _isForgotten);
        set => Volatile.Write(ref _isForgotten, value);
    }

    private bool _isForgotten;

    /// <summary>The last flush that brought a message for the device.</summary>
    public long LastToDevice => Volatile.Read(ref _toDevice);

    /// <summary>The last flush that changed the number of its one-time keys or used a fallback key.</summary>
    public long LastKeys => Volatile.Read(ref _keysChanged);

    /// <summary>Which members the device was sent, where it loads them lazily.</summary>
    public LazyMembers Members { get; } = new();

    /// <summary>A message arrived.</summary>
    public void TouchToDevice(long position) => Volatile.Write(ref _toDevice, position);

    /// <summary>Whether messages up to a position may have been handed out to the device and not deleted yet.</summary>
    public bool MayHaveDelivered(long through)
    {
        lock (_gate) return through >= _firstDelivered;
    }

    /// <summary>Messages were handed out, the last one at a position.</summary>
    public void Delivered(long first, long last)
    {
        lock (_gate)
        {
            _firstDelivered = Math.Min(_firstDelivered, first);
            _lastDelivered = Math.Max(_lastDelivered, last);
        }
    }

    /// <summary>The device said that messages up to here arrived: they are not sent again, even before they are deleted.</summary>
    public long ArrivedThrough
    {
        get => Volatile.Read(ref _arrivedThrough);
        set => Volatile.Write(ref _arrivedThrough, Math.Max(value, _arrivedThrough));
    }

    private long _arrivedThrough;

    /// <summary>The messages up to a position are deleted.</summary>
    public void Acknowledged(long through)
    {
        lock (_gate)
        {
            _firstDelivered = through >= _lastDelivered ? long.MaxValue : Math.Max(_firstDelivered, through + 1);
        }
    }

    /// <summary>Its keys changed: what was counted no longer holds.</summary>
    public void TouchKeys(long position)
    {
        lock (_gate)
        {
            _keyCounts = null;
            Volatile.Write(ref _keysChanged, position);
        }
    }

    /// <summary>The counts of the device's keys; null if they must be counted.</summary>
    public KeyCounts? KeyCounts
    {
        get { lock (_gate) return _keyCounts; }
    }

    /// <summary>Remembers counts that were taken after <paramref name="asOf"/> was looked up, unless keys changed meanwhile.</summary>
    public void Remember(KeyCounts keyCounts, long asOf)
    {
        lock (_gate)
        {
            if (_keysChanged <= asOf) _keyCounts = keyCounts;
        }
    }
}
