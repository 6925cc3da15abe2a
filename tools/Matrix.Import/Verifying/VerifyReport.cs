namespace Matrix.Import.Verifying;

/// <summary>What became of a kind of rows, of one part.</summary>
/// <param name="Part">The part.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Read">Rows that were read.</param>
/// <param name="Written">Things that were written.</param>
/// <param name="LeftOut">Things that were left out by name.</param>
public sealed record CarriedKind(string Part, string Kind, long Read, long Written, long LeftOut);

/// <summary>Things that were left out for one reason.</summary>
/// <param name="Kind">Their kind.</param>
/// <param name="Reason">The reason.</param>
/// <param name="Count">How many.</param>
/// <param name="Examples">The first few.</param>
public sealed record LeftOutKind(string Kind, string Reason, long Count, IReadOnlyList<string> Examples);

/// <summary>What was carried, and where the databases differ.</summary>
/// <param name="Kinds">By part and kind.</param>
/// <param name="LeftOut">By kind and reason.</param>
/// <param name="Rooms">Rooms that were compared.</param>
/// <param name="Differences">Differences of rooms, the first ones.</param>
/// <param name="DifferingRooms">Rooms that differ.</param>
public sealed record VerifyReport(
    IReadOnlyList<CarriedKind> Kinds,
    IReadOnlyList<LeftOutKind> LeftOut,
    long Rooms,
    IReadOnlyList<RoomDifference> Differences,
    long DifferingRooms);
