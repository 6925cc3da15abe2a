using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.StagedEvents;

/// <summary>The changes of staged events as bytes.</summary>
internal static class StagedEventChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<EventStaged>(
            29,
            static (to, op) => to.Room(op.Room).Text(op.EventId).Text(op.Peer).Int(op.StagedAt),
            static from => new EventStaged(from.Room(), from.Text(), from.Text(), default, from.Int())),
        ChangeFormat.Of<StagedEventGivenUp>(
            30,
            static (to, op) => to.Room(op.Room).Text(op.EventId).Text(op.Reason).Int(op.Keep),
            static from => new StagedEventGivenUp(from.Room(), from.Text(), from.Text(), from.Int32())),
    ];
}
