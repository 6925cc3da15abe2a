namespace Matrix.Import.Runs;

/// <summary>What the operator sees while the import runs.</summary>
public interface IImportLog
{
    /// <summary>A line that stays.</summary>
    void Say(string line);

    /// <summary>How far a part has come.</summary>
    /// <param name="title">The part.</param>
    /// <param name="done">Rows that were read.</param>
    /// <param name="all">About how many there are.</param>
    /// <param name="left">The estimated time left of the whole import; null while nothing is known.</param>
    void Progress(string title, long done, long all, TimeSpan? left);
}
