using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.DeviceUpdates;

/// <summary>The changes of device lists that other servers are owed, as bytes.</summary>
internal static class DeviceUpdateChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<DeviceUpdatesEnqueued>(
            70,
            static (to, op) => to.Text(op.ServerName).Text(op.UserId).Int(op.AfterId),
            static from => new DeviceUpdatesEnqueued(from.Text(), from.Text(), from.Int())),
    ];
}
