namespace Matrix.Host.Storage.Copying;

/// <summary>What a copy has.</summary>
/// <param name="Position">The position of both databases: where tokens of clients go on.</param>
/// <param name="Tables">Each table.</param>
public sealed record CopyReport(long Position, IReadOnlyList<CopiedRows> Tables);

/// <summary>The rows of a table, which are the same in both databases.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Rows">How many.</param>
/// <param name="Digest">The SHA-256 of their values in the order of keys, in hexadecimal digits.</param>
public sealed record CopiedRows(string Table, long Rows, string Digest);

/// <summary>How far a copy is.</summary>
/// <param name="Table">The table that is being copied, or compared.</param>
/// <param name="Rows">Rows of all tables so far.</param>
/// <param name="IsComparing">Whether all rows are copied, and both databases are read once more.</param>
public sealed record CopyProgress(string Table, long Rows, bool IsComparing);
