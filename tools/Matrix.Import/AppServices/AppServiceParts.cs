using Matrix.Import.Runs;

namespace Matrix.Import.AppServices;

/// <summary>The parts with what application services are owed. They come after the rooms.</summary>
internal static class AppServiceParts
{
    /// <summary>The parts, in the order in which they run.</summary>
    public static IReadOnlyList<IImportPart> All { get; } = [new AppServicesPart(), new NetworkRoomsPart()];
}
