using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Pushers;

/// <summary>The changes of pushers as bytes. The pushkey is a secret.</summary>
internal static class PusherChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<PusherSet>(
            63,
            static (to, op) => to
                .Int(op.PusherId).Int((int)op.Pusher.Kind).Text(op.Pusher.UserId).Text(op.Pusher.DeviceId)
                .Text(op.Pusher.AppId).Bool(op.IsAppended),
            static from =>
            {
                var (id, kind, userId) = (from.Int(), (PusherKind)from.Int32(), from.Text());
                var (deviceId, appId) = (from.Text(), from.Text());
                var pusher = new PusherRow(id, kind, userId, deviceId, appId, "", "", "", "", null, default, 0);
                return new PusherSet(pusher, from.Bool()) { PusherId = id };
            }),
    ];
}
