using Matrix.Import.Runs;

namespace Matrix.Import.Tests.Runs;

/// <summary>A log that keeps its lines.</summary>
internal sealed class KeptLog : IImportLog
{
    private readonly List<string> _lines = [];

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<string> Lines => _lines;

    public void Say(string line) => _lines.Add(line);

    public void Progress(string title, long done, long all, TimeSpan? left)
    {
    }
}
