using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>The changes of messages to devices as bytes, without the messages.</summary>
internal static class ToDeviceChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<ToDeviceSent>(
            7,
            static (to, op) => to.Text(op.UserId).Text(op.DeviceId),
            static from => new ToDeviceSent(from.Text(), from.Text(), default)),
    ];
}
