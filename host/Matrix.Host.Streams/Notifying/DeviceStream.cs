using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Streams.Notifying;

/// <summary>The changes for one device of an active user, and the key counts and members that it was sent.</summary>
internal sealed class DeviceStream
{
    private readonly Lock _gate = new();
    private KeyCounts? _keyCounts;
    private long _keysChanged;
    private long _toDevice;

    // It is unknown how far an earlier process delivered.
    private long _firstDelivered;
    private long _lastDelivered;

    /// <summary>
    /// The stream of a device whose user the notifier has no space for: it always reports possible messages.
    /// </summary>
    public static DeviceStream Unwatched()
    {
        var device = new DeviceStream();
        device.TouchToDevice(long.MaxValue);
        return device;
    }

    /// <summary>Whether the user's stream has dropped this device, and no longer updates it.</summary>
    public bool IsForgotten
    {
        get => Volatile.Read(ref _isForgotten);
        set => Volatile.Write(ref _isForgotten, value);
    }

    private bool _isForgotten;

    /// <summary>The last flush with a message for the device.</summary>
    public long LastToDevice => Volatile.Read(ref _toDevice);

    /// <summary>The last flush that changed the number of the device's one-time keys or used a fallback key.</summary>
    public long LastKeys => Volatile.Read(ref _keysChanged);

    /// <summary>The members that the device was sent, if it loads members lazily.</summary>
    public LazyMembers Members { get; } = new();

    /// <summary>A message arrived.</summary>
    public void TouchToDevice(long position) => Volatile.Write(ref _toDevice, position);

    /// <summary>Whether messages up to a position may have been sent to the device and not been deleted yet.</summary>
    public bool MayHaveDelivered(long through)
    {
        lock (_gate) return through >= _firstDelivered;
    }

    /// <summary>Records that messages between two positions were sent to the device.</summary>
    public void Delivered(long first, long last)
    {
        lock (_gate)
        {
            _firstDelivered = Math.Min(_firstDelivered, first);
            _lastDelivered = Math.Max(_lastDelivered, last);
        }
    }

    /// <summary>
    /// The position up to which the device has acknowledged messages: they are not sent again, even before they are
    /// deleted.
    /// </summary>
    public long ArrivedThrough
    {
        get => Volatile.Read(ref _arrivedThrough);
        set => Volatile.Write(ref _arrivedThrough, Math.Max(value, _arrivedThrough));
    }

    private long _arrivedThrough;

    /// <summary>Records that the messages up to a position are deleted.</summary>
    public void Acknowledged(long through)
    {
        lock (_gate)
        {
            _firstDelivered = through >= _lastDelivered ? long.MaxValue : Math.Max(_firstDelivered, through + 1);
        }
    }

    /// <summary>The device's keys changed: drops the remembered counts.</summary>
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

    /// <summary>Remembers counts that were read at <paramref name="asOf"/>, unless the keys changed since.</summary>
    public void Remember(KeyCounts keyCounts, long asOf)
    {
        lock (_gate)
        {
            if (_keysChanged <= asOf) _keyCounts = keyCounts;
        }
    }
}
