namespace Matrix.Host.Streams.Notifying;

/// <summary>The streams of a user's devices. Guarded by the lock of the user's stream.</summary>
internal sealed class UserDevices
{
    /// <summary>
    /// The most devices that are remembered. Beyond this many, all are dropped and the waiters woken, so that the
    /// devices in use are added again.
    /// </summary>
    internal const int Capacity = 256;

    private readonly Dictionary<string, DeviceStream> _known = [];
    private readonly DeviceStream _unknown = new();

    /// <summary>The stream of a device; <paramref name="dropped"/> if all others had to be dropped for it.</summary>
    public DeviceStream GetOrAdd(string deviceId, long lastPosition, out bool dropped)
    {
        dropped = false;
        if (_known.TryGetValue(deviceId, out var device)) return device;
        dropped = _known.Count >= Capacity;
        if (dropped)
        {
            foreach (var forgotten in _known.Values) forgotten.IsForgotten = true;
            _known.Clear();
        }

        device = new DeviceStream();

        // It is unknown whether the device got a message before the stream knew it, so assume that it did.
        device.TouchToDevice(Math.Max(lastPosition, _unknown.LastToDevice));
        if (_unknown.LastKeys > 0) device.TouchKeys(_unknown.LastKeys);
        _known[deviceId] = device;
        return device;
    }

    /// <summary>Applies a change to a device. False if its stream is not known.</summary>
    public bool Touch(string deviceId, long position, Action<DeviceStream, long> touch)
    {
        var isKnown = _known.TryGetValue(deviceId, out var device);
        touch(isKnown ? device! : _unknown, position);
        return isKnown;
    }

    /// <summary>Applies a message to all devices. False if no stream is known.</summary>
    public bool TouchAllToDevice(long position)
    {
        _unknown.TouchToDevice(position);
        foreach (var device in _known.Values) device.TouchToDevice(position);
        return _known.Count > 0;
    }
}
