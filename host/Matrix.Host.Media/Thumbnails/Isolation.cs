using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>What a process is kept apart from.</summary>
internal enum Isolation
{
    /// <summary>Too little: no image is decoded.</summary>
    Insufficient,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>The network.</summary>
    Network,

    /// <summary>The network, and other files than the system's programs.</summary>
    Files,
}

/// <summary>
/// Finds the best isolation that the system allows. It is tried once; but a trial that did not run or did not end in
/// time, as on a loaded machine, tells nothing, and is repeated.
/// </summary>
/// <param name="run">Runs a program.</param>
/// <param name="isOptional">Whether images are decoded also where the sandbox does not work.</param>
/// <param name="log">The log.</param>
internal sealed partial class IsolationProbe(
    Func<string[], CancellationToken, ValueTask<ToolRun>> run, bool isOptional, ILogger log) : IDisposable
{
    /// <summary>The exit code of a program that was killed, as where memory is short.</summary>
    private const int Killed = 137;

    /// <summary>The exit code of a shell or `nice` that does not find the program.</summary>
    private const int NotFound = 127;

    private const int LongestReason = 200;

    private readonly SemaphoreSlim _probing = new(1);
    private Isolation? _found;

    /// <summary>Runs a program without a network.</summary>
    internal static string[] WithoutNetwork { get; } = ["unshare", "--map-root-user", "--net"];

    /// <summary>The isolation; null if it is not known this time.</summary>
    internal async ValueTask<Isolation?> FindAsync(CancellationToken stop)
    {
        if (_found is { } known) return known;
        await _probing.WaitAsync(stop);
        try
        {
            if (_found is { } found) return found;
            if (await ProbeAsync(stop) is not { } isolation)
            {
                NotKnown();
                return null;
            }

            _found = isolation;
            return isolation;
        }
        finally
        {
            _probing.Release();
        }
    }

    public void Dispose() => _probing.Dispose();

    private async ValueTask<Isolation?> ProbeAsync(CancellationToken stop)
    {
        var why = "there is no table of system calls for this processor";
        if (Sandbox.Filter is not null)
        {
            var sandbox = await run([.. Sandbox.Command, "true"], stop);
            if (IsUnknown(sandbox)) return null;
            if (sandbox.IsOk)
            {
                FilesApart();
                return Isolation.Files;
            }

            why = ReasonOf(sandbox);
        }

        if (!isOptional)
        {
            NotDecoded(why);
            return Isolation.Insufficient;
        }

        var network = await run([.. WithoutNetwork, "true"], stop);
        if (IsUnknown(network)) return null;
        if (network.IsOk) NetworkApart(why);
        else NotApart(why);
        return network.IsOk ? Isolation.Network : Isolation.None;
    }

    /// <summary>Whether a program did not itself say whether it works.</summary>
    private static bool IsUnknown(ToolRun ran) =>
        ran.End is ToolEnd.Ended or ToolEnd.NotStarted || ran.ExitCode == Killed;

    /// <summary>What is missing where the sandbox did not work.</summary>
    private static string ReasonOf(ToolRun ran)
    {
        if (ran.End == ToolEnd.NotFound || ran.ExitCode == NotFound) return "bubblewrap is not installed";
        if (ran.Output.Contains("Unknown option", StringComparison.OrdinalIgnoreCase))
        {
            return "bubblewrap is too old: it must be version 0.8 or later";
        }

        var said = ran.Output.Split('\n')[0];
        return "bubblewrap may not make namespaces, as in a container without user namespaces: "
            + said[..Math.Min(said.Length, LongestReason)];
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Images are decoded without other files and network.")]
    private partial void FilesApart();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "There are no thumbnails: {Why}. Mend that and restart, or set media.images_without_sandbox.")]
    private partial void NotDecoded(string why);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Images are decoded without network, but with this server's files and keys, as "
            + "media.images_without_sandbox allows: {Why}.")]
    private partial void NetworkApart(string why);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Images are decoded with this server's files, keys and network, as media.images_without_sandbox "
            + "allows: {Why}.")]
    private partial void NotApart(string why);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "No image is decoded for now: it was not found out in time whether bubblewrap works here.")]
    private partial void NotKnown();
}
