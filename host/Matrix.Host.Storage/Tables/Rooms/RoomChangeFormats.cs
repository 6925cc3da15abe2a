using Matrix.Core.State;
using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>The changes of rooms as bytes.</summary>
internal static class RoomChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<RoomAdvanced>(
            2,
            static (to, op) => Write(to.Identity(op.Room), op.Header),
            static from => new RoomAdvanced(from.Identity(), null, Header(from))),
        ChangeFormat.Of<StateChanged>(
            4,
            static (to, op) => to.Room(op.Room).Int(op.Parent).Int(op.Step).Bytes(op.DeltaBytes),
            static from => new StateChanged(
                from.Room(), from.Int32(), from.Int32(), StateStep.Parse(from.Bytes()))),
        ChangeFormat.Of<RoomCreated>(
            69,
            static (to, op) => Write(to.Identity(op.Room).Text(op.Creator), op.Header),
            static from => new RoomCreated(from.Identity(), from.Text(), Header(from))),
    ];

    /// <summary>Writes a header without its extremities: a lane alone needs them, and reads them.</summary>
    private static void Write(ChangeWriter to, RoomHeader header) => to
        .Int(header.Depth).Int(header.CurrentStep).Int(header.LastOrdinal).Int(header.FirstOrdinal)
        .Int(header.LastStep).Int(header.LastNode).Int(header.JoinedCount).Int(header.InvitedCount);

    private static RoomHeader Header(ChangeReader from) => new()
    {
        Depth = from.Int(),
        CurrentStep = from.Int32(),
        LastOrdinal = from.UInt32(),
        FirstOrdinal = from.UInt32(),
        LastStep = from.Int32(),
        LastNode = from.Int32(),
        JoinedCount = from.Int32(),
        InvitedCount = from.Int32(),
    };
}
