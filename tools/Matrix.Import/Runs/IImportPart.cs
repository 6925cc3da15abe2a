namespace Matrix.Import.Runs;

/// <summary>
/// A part of the import: some of Synapse's tables, read in the order of a key, and written as changes. Parts run one
/// after the other.
/// </summary>
internal interface IImportPart
{
    /// <summary>The part's name. It is stored with its progress, and never changes.</summary>
    string Name { get; }

    /// <summary>What the operator reads while it runs, such as "events of rooms".</summary>
    string Title { get; }

    /// <summary>The tables of Synapse's that it reads, or that it knows and does not need.</summary>
    IReadOnlyList<string> Tables { get; }

    /// <summary>About how many rows it reads, for the time left.</summary>
    Task<long> EstimateAsync(ImportContext context, CancellationToken stop);

    /// <summary>
    /// Reads and writes until nothing is left. It goes on where <see cref="PartProgress.Reached"/> says. A row that is
    /// faulty is left out by name; only a database that does not answer ends the part.
    /// </summary>
    Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop);
}
