using System.Globalization;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Stopping;

/// <summary>
/// Whether Synapse has stopped: no process of its pid file, nobody else at its databases, and no number that rises
/// during ten seconds.
/// </summary>
internal sealed class StoppedCheck(string? pidFile, IReadOnlyList<SourceAddress> databases)
{
    /// <summary>The name that lets other sessions of the database pass.</summary>
    internal const string OtherSessions = "other-sessions";

    /// <summary>How long the numbers are watched.</summary>
    internal static readonly TimeSpan Watched = TimeSpan.FromSeconds(10);

    /// <summary>The reasons why Synapse seems to run, each a line; empty if it has stopped.</summary>
    /// <param name="accepted">What the operator accepts by name.</param>
    /// <param name="stop">Ends the check.</param>
    /// <exception cref="SourceException">A database does not answer.</exception>
    public async Task<IReadOnlyList<string>> ReasonsAsync(IReadOnlyList<string> accepted, CancellationToken stop)
    {
        var reasons = new List<string>();
        if (ProcessOfPidFile() is { } process)
        {
            reasons.Add($"The process {process} of {pidFile} runs.");
        }

        foreach (var database in databases)
        {
            if (database.File is { } file)
            {
                reasons.AddRange(OpenFiles.ProcessesWith(file).Select(id =>
                    $"The process {id} ({OpenFiles.NameOf(id)}) has {file} open."));
            }
            else if (!accepted.Contains(OtherSessions))
            {
                var sessions = await PostgresSessions.OthersAsync(database.ConnectionString!, stop);
                reasons.AddRange(sessions.Select(session =>
                    $"A session uses the database: {session}. If it is none of Synapse's: --accept {OtherSessions}"));
            }
        }

        return reasons;
    }

    /// <summary>Whether the numbers of the databases stay as they are; the names of those that rose.</summary>
    public async Task<IReadOnlyList<string>> RisingAsync(
        StreamNumbers before, TimeSpan watched, TimeProvider time, CancellationToken stop)
    {
        await Task.Delay(watched, time, stop);
        await using var source = await SourceAddress.OpenAsync(databases, stop);
        var after = await StreamNumbers.ReadAsync(source, stop);
        return [.. after.Numbers.Where(pair => before.Numbers.GetValueOrDefault(pair.Key) != pair.Value)
            .Select(static pair => pair.Key)];
    }

    // The file may be an old one, and its number another process's by now.
    private int? ProcessOfPidFile()
    {
        try
        {
            return pidFile is not null && File.Exists(pidFile)
                && int.TryParse(File.ReadAllText(pidFile).Trim(), CultureInfo.InvariantCulture, out var id)
                && OpenFiles.CommandLineOf(id).Contains("synapse", StringComparison.OrdinalIgnoreCase)
                ? id
                : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
