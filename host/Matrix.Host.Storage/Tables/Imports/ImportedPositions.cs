namespace Matrix.Host.Storage.Tables.Imports;

/// <summary>
/// The positions of imported rows: numbers of the source's own streams. Its tokens are understood by them.
/// </summary>
public sealed class ImportedPositions(ImportsTable imports)
{
    /// <summary>The greatest one; 0 if nothing is imported, and before <see cref="LoadAsync"/>.</summary>
    public long Last { get; private set; }

    /// <summary>Reads whether this database began with an import: before the server listens.</summary>
    public async ValueTask LoadAsync(CancellationToken stop) =>
        Last = (await imports.FindAsync(stop))?.StartAfter ?? 0;

    /// <summary>Whether the source may have handed out a number.</summary>
    public bool Has(long number) => Last > 0 && number <= Last;
}
