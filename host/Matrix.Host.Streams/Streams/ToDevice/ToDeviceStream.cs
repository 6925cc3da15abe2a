using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.ToDevice;

/// <summary>Messages to devices.</summary>
internal sealed class ToDeviceStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is not ToDeviceSent sent || notifier.Touched(sent.UserId) is not { } stream) return;
        if (sent.DeviceId == ToDeviceSent.AllDevices) stream.TouchAllDevices(position, notifier.ToWake);
        else stream.TouchDevice(
            sent.DeviceId, position, static (device, at) => device.TouchToDevice(at), notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
