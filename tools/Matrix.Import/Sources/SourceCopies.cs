namespace Matrix.Import.Sources;

/// <summary>
/// Databases of which each SQLite file is a copy as of one moment. The copies are deleted when it ends.
/// </summary>
internal sealed class SourceCopies : IDisposable
{
    private readonly List<string> _files = [];

    /// <summary>The databases: copies of files, and PostgreSQL's as they were given.</summary>
    public IReadOnlyList<SourceAddress> Databases { get; private set; } = [];

    /// <summary>Copies the files, also of a Synapse that runs.</summary>
    /// <param name="databases">The databases.</param>
    /// <param name="folder">Where the copies are written.</param>
    /// <exception cref="SourceException">One cannot be copied.</exception>
    public static SourceCopies Of(IReadOnlyList<SourceAddress> databases, string folder)
    {
        var copies = new SourceCopies();
        try
        {
            copies.Databases = [.. databases.Select(database => database with
            {
                File = database.File is { } file ? copies.Copy(file, folder) : null,
            })];
            return copies;
        }
        catch
        {
            copies.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files) File.Delete(file);
    }

    private string Copy(string file, string folder)
    {
        var copy = Path.Combine(folder, $"synapse-copy-{_files.Count + 1}.db");
        _files.Add(copy);
        SqliteSource.Copy(file, copy);
        return copy;
    }
}
