namespace Matrix.Import.Runs;

/// <summary>What became of the rows of a kind.</summary>
/// <param name="Read">Rows that were read.</param>
/// <param name="Written">Things that were written.</param>
/// <param name="LeftOut">Things that were left out by name.</param>
public sealed record KindCount(long Read, long Written, long LeftOut);
