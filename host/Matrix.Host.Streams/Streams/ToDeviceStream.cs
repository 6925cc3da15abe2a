using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Messages to devices.</summary>
internal sealed class ToDeviceStream(Notifier notifier) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        if (change is not SendToDevice sent || notifier.Touched(sent.UserId) is not { } stream) return;
        if (sent.DeviceId == SendToDevice.AllDevices) stream.TouchAllDevices(position, notifier.ToWake);
        else stream.TouchDevice(sent.DeviceId, position, static (device, at) => device.TouchToDevice(at), notifier.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => notifier.ForgetAll(through);
}
