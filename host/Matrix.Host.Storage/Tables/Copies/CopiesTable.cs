using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Copies;

/// <summary>
/// The copy that the database is, of another one: at most one row. <see cref="Copying.StorageCopy"/> writes it.
/// </summary>
public sealed class CopiesTable(IReads reads)
{
    private static readonly Statement Unended = Statement.Of("SELECT source FROM copies WHERE ended_at IS NULL");

    /// <summary>What is being copied into this database; null if no copy is incomplete.</summary>
    public ValueTask<string?> FindIncompleteAsync(CancellationToken stop) =>
        reads.FirstAsync(Unended, static row => (string?)row.Text(0), stop);
}
