using Matrix.Import.Indexes;
using Matrix.Import.Notifying;
using Matrix.Import.People;
using Matrix.Import.RoomData;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;

namespace Matrix.Import;

/// <summary>The parts of an import, in the order in which they run: later ones may read what earlier ones wrote.</summary>
internal static class ImportParts
{
    /// <summary>All parts.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        .. PeopleParts.Accounts,
        new RoomsPart(),
        new InvitesPart(),
        new StagedPart(),
        .. RoomDataParts.All,
        new UnreadPart(),
        .. PeopleParts.AfterRooms,
        new IndexesPart(),
    ];
}
