using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>What a process is kept apart from.</summary>
internal enum Isolation
{
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
/// <param name="log">The log.</param>
internal sealed partial class IsolationProbe(
    Func<string[], CancellationToken, ValueTask<ToolRun>> run, ILogger log) : IDisposable
{
    /// <summary>The exit code of a program that was killed, as where memory is short.</summary>
    private const int Killed = 137;

    private readonly SemaphoreSlim _probing = new(1);
    private Isolation? _found;

    /// <summary>
    /// Only the system's programs can be read, and one folder written. Looked up for each run, because the system's
    /// packages are upgraded meanwhile.
    /// </summary>
    internal static string[] Sandbox =>
    [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session",
        "--ro-bind", "/usr", "/usr",
        "--ro-bind-try", "/bin", "/bin",
        "--ro-bind-try", "/lib", "/lib",
        "--ro-bind-try", "/lib64", "/lib64",
        "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--proc", "/proc",
        "--dev", "/dev",
        "--tmpfs", "/tmp",
        .. WithoutModules("/usr/lib"),
        .. WithoutModules("/usr/lib64"),
    ];

    /// <summary>Runs a program without a network.</summary>
    internal static string[] WithoutNetwork { get; } = ["unshare", "--map-root-user", "--net"];

    /// <summary>
    /// Hides the modules of libvips that decode what has no thumbnails: each is loaded at every start, with the
    /// libraries that it needs. AVIF is decoded by a module.
    /// </summary>
    /// <param name="libraries">The folder of the system's libraries, or of those of its architectures.</param>
    internal static IEnumerable<string> WithoutModules(string libraries)
    {
        if (!Directory.Exists(libraries)) return [];
        var look = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 };
        var folders = Directory.EnumerateDirectories(libraries, "vips-modules-*", look).Order(StringComparer.Ordinal);
        return folders.SelectMany(static folder =>
        {
            var avif = Path.Combine(folder, "vips-heif.so");
            return (string[])["--tmpfs", folder, .. File.Exists(avif) ? ["--ro-bind", avif, avif] : (string[])[]];
        });
    }

    /// <summary>The isolation; null if it is not known this time.</summary>
    internal async ValueTask<Isolation?> FindAsync(CancellationToken stop)
    {
        if (_found is { } known) return known;
        await _probing.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_found is { } found) return found;
            if (await ProbeAsync(stop).ConfigureAwait(false) is not { } isolation)
            {
                NotKnown();
                return null;
            }

            if (isolation == Isolation.Files) FilesApart();
            else if (isolation == Isolation.Network) NetworkApart();
            else NotApart();
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
        var sandbox = await WorksAsync([.. Sandbox, "true"], stop).ConfigureAwait(false);
        if (sandbox is null) return null;
        if (sandbox == true) return Isolation.Files;
        var network = await WorksAsync([.. WithoutNetwork, "true"], stop).ConfigureAwait(false);
        if (network is null) return null;
        return network == true ? Isolation.Network : Isolation.None;
    }

    /// <summary>Whether a command works; null if it did not say so itself.</summary>
    private async ValueTask<bool?> WorksAsync(string[] command, CancellationToken stop)
    {
        var ran = await run(command, stop).ConfigureAwait(false);
        return ran.End is ToolEnd.Ended or ToolEnd.NotStarted || ran.ExitCode == Killed ? null : ran.IsOk;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Images are decoded without other files and network.")]
    private partial void FilesApart();

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Images are decoded without network, but with this server's files: bubblewrap is missing.")]
    private partial void NetworkApart();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Images are decoded with this server's files and network: bubblewrap is missing or refused.")]
    private partial void NotApart();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "An image is not decoded: it was not found out in time whether bubblewrap works here.")]
    private partial void NotKnown();
}
