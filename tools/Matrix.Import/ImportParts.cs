using Matrix.Import.AppServices;
using Matrix.Import.DeviceLists;
using Matrix.Import.Federation;
using Matrix.Import.Indexes;
using Matrix.Import.Keys;
using Matrix.Import.Media;
using Matrix.Import.Notifying;
using Matrix.Import.People;
using Matrix.Import.RoomData;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;

namespace Matrix.Import;

/// <summary>The parts of an import in their order: later ones may read what earlier ones wrote.</summary>
internal static class ImportParts
{
    /// <summary>All parts.</summary>
    public static IReadOnlyList<IImportPart> All { get; } =
    [
        .. PeopleParts.Accounts,
        .. KeyParts.All,
        new RoomsPart(),
        new WritersPart(),
        new InvitesPart(),
        new StagedPart(),
        .. RoomDataParts.All,
        new UnreadPart(),
        .. PeopleParts.AfterRooms,
        .. DeviceListParts.All,
        .. FederationParts.All,
        .. AppServiceParts.All,
        new IndexesPart(),
        new LocalMediaPart(),
        new RemoteMediaPart(),
    ];
}
