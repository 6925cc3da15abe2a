using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Messages to devices.</summary>
internal sealed class ToDeviceStream(SyncBoard board) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        if (change is not SendToDevice sent || board.Touched(sent.UserId) is not { } feed) return;
        if (sent.DeviceId == SendToDevice.AllDevices) feed.TouchAllDevices(position, board.ToWake);
        else feed.TouchDevice(sent.DeviceId, position, static (device, at) => device.TouchToDevice(at), board.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => board.ForgetAll(through);
}
