using Matrix.Import.Runs;

namespace Matrix.Import.RoomData;

/// <summary>The parts of what belongs to rooms beside events. They come after the rooms.</summary>
internal static class RoomDataParts
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        new AliasesPart(),
        new DirectoryPart(),
        new BlockedRoomsPart(),
        new ReceiptsPart(),
        new RoomAccountDataPart(),
        new TagsPart(),
        new ThreadSubscriptionsPart(),
        new DelayedEventsPart(),
    ];
}
