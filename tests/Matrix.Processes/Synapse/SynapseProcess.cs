namespace Matrix.Processes.Synapse;

/// <summary>A running Synapse.</summary>
/// <param name="name">The server's name.</param>
/// <param name="url">Its address for clients.</param>
/// <param name="folder">Its configuration, log and process id.</param>
/// <param name="end">Ends it, and deletes what it has stored.</param>
public sealed class SynapseProcess(string name, Uri url, string folder, Action end) : IDisposable
{
    /// <summary>The secret with which scripts register users.</summary>
    public const string SharedSecret = "lab";

    private bool _isEnded;

    /// <summary>The server's name.</summary>
    public string Name => name;

    /// <summary>Its address for clients.</summary>
    public Uri Url => url;

    /// <summary>Its process.</summary>
    public int Id => SynapseLab.IdIn(Path.Combine(folder, "pid"));

    /// <summary>The first errors of its log.</summary>
    public IReadOnlyList<string> LoggedErrors(int count) => File.Exists(Log)
        ? [.. File.ReadLines(Log).Where(static line => line.Contains(" ERROR ")).Take(count)]
        : [];

    /// <summary>Ends it, and deletes what it has stored.</summary>
    public void Dispose()
    {
        if (_isEnded) return;
        _isEnded = true;
        end();
    }

    private string Log => Path.Combine(folder, "homeserver.log");
}
