namespace Matrix.Import.Configuration.Reading;

/// <summary>Where the files are that Synapse's configuration names.</summary>
/// <param name="Folder">
/// The folder in which Synapse runs, where relative paths begin: `WorkingDirectory` of its unit.
/// </param>
public sealed record SynapsePaths(string Folder)
{
    /// <summary>
    /// Folders that Synapse knows by another name, by that name: those of a container, such as `/data`, and where they
    /// are for the import.
    /// </summary>
    public IReadOnlyDictionary<string, string> Moved { get; init; } = new Dictionary<string, string>();

    /// <summary>The full path of a file for the import.</summary>
    internal string FullPath(string file)
    {
        var full = Path.GetFullPath(file, Path.GetFullPath(Folder));

        // The longest name first: a container may have a folder within another.
        foreach (var (from, to) in Moved.OrderByDescending(static each => each.Key.Length))
        {
            var name = Path.TrimEndingDirectorySeparator(from);
            if (full == name) return Path.GetFullPath(to);
            if (full.StartsWith(name.TrimEnd('/') + "/", StringComparison.Ordinal))
            {
                return Path.Join(Path.GetFullPath(to), full[name.TrimEnd('/').Length..]);
            }
        }

        return full;
    }
}
