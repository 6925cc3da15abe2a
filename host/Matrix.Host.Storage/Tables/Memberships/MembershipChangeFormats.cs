using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>The changes of memberships as bytes.</summary>
internal static class MembershipChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<MembershipChanged>(
            5,
            static (to, op) => to
                .Room(op.Room).Text(op.UserId).IntOrNull((int?)op.Before).IntOrNull((int?)op.After).Nid(op.Event)
                .Bool(op.IsLocal),
            static from => new MembershipChanged(
                from.Room(), from.Text(), (Membership?)from.Int32OrNull(), (Membership?)from.Int32OrNull(), from.Nid(),
                from.Bool())),
        ChangeFormat.Of<RoomForgotten>(
            25,
            static (to, op) => to.Room(op.Room).Text(op.UserId),
            static from => new RoomForgotten(from.Room(), from.Text())),
    ];
}
