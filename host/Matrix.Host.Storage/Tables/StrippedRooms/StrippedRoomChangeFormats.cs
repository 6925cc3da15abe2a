using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.StrippedRooms;

/// <summary>The changes of invites and knocks as bytes, without events: sync reads these from the table.</summary>
internal static class StrippedRoomChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<StrippedRoomEntered>(
            33,
            static (to, op) => Write(to.Text(op.UserId), op.Room).Int(op.MostOpen),
            static from => new StrippedRoomEntered(from.Text(), Read(from), from.Int32())),
        ChangeFormat.Of<StrippedRoomDescribed>(
            34,
            static (to, op) => to.Text(op.UserId).Text(op.RoomId).Text(op.EventId),
            static from => new StrippedRoomDescribed(from.Text(), from.Text(), from.Text(), default)),
        ChangeFormat.Of<StrippedRoomLeft>(
            35,
            static (to, op) => to
                .Text(op.UserId).Text(op.RoomId).Text(op.EndedId).Text(op.Sender).Text(op.EventId).Int(op.MostEnded)
                .Int(op.EndedAt),
            static from => new StrippedRoomLeft(
                from.Text(), from.Text(), from.Text(), from.Text(), from.Text(), default, from.Int32())
            {
                EndedAt = from.Int(),
            }),
        ChangeFormat.Of<StrippedRoomForgotten>(
            36,
            static (to, op) => to.Text(op.UserId).Text(op.RoomId),
            static from => new StrippedRoomForgotten(from.Text(), from.Text())),
    ];

    private static ChangeWriter Write(ChangeWriter to, StrippedRoomRow row) => to
        .Text(row.RoomId).Text(row.Version).Text(row.Server).Int((int)row.Membership).Text(row.Sender)
        .Text(row.EventId);

    private static StrippedRoomRow Read(ChangeReader from) => new(
        from.Text(), from.Text(), from.Text(), (Membership)from.Int32(), from.Text(), from.Text(), default, default, 0);
}
