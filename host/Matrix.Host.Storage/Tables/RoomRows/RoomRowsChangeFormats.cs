using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.RoomRows;

/// <summary>The changes of deleted rooms as bytes.</summary>
internal static class RoomRowsChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<RoomDeleted>(
            31,
            static (to, op) => to
                .Identity(op.Room).Items(op.LocalUsers, static (to, userId) => to.Text(userId)).Int(op.DeletedAt),
            static from => new RoomDeleted(
                from.Identity(), from.Items(static from => from.Text()), from.Int())),
        ChangeFormat.Of<RoomRowsDeleted>(
            32,
            static (to, op) => to.Room(op.Room).Text(op.Table).Int(op.Most),
            static from => new RoomRowsDeleted(from.Room(), from.Text(), from.Int32())),
    ];
}
