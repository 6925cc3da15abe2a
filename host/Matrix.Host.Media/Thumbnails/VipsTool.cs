using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Runs the tools of libvips in processes of their own, with bounds on memory, time and files, at the lowest priority,
/// with the loaders only that are made for untrusted files, and apart from other files and the network where the system
/// allows that.
/// </summary>
internal sealed class VipsTool : IDisposable
{
    /// <summary>
    /// Bounds: kilobytes of address space, seconds of processor, blocks of 512 bytes of a file. The filter of system
    /// calls comes as the input, and goes to the sandbox by a descriptor of its own.
    /// </summary>
    private const string Script =
        "set -e; umask 077; ulimit -v \"$1\"; ulimit -t \"$2\"; ulimit -f \"$3\"; ulimit -c 0; shift 3; "
        + "exec \"$@\" 9<&0 </dev/null";

    /// <summary>The longest that a file may be that a tool writes, as a share of its memory.</summary>
    private const int ShareOfFile = 8;

    private static readonly TimeSpan _probeTime = TimeSpan.FromSeconds(30);

    private readonly MediaOptions _options;
    private readonly TimeProvider _time;
    private readonly IsolationProbe _probe;

    internal VipsTool(MediaOptions options, TimeProvider time, ILogger log, IsolationProbe? probe = null)
    {
        (_options, _time) = (options, time);
        _probe = probe ?? new IsolationProbe(
            (command, stop) => RunAsync(command, "/", _probeTime, stop), options.ImagesWithoutSandbox, log);
    }

    /// <summary>Runs a tool in a folder. It is not started if it is not known how it would be isolated.</summary>
    /// <param name="work">The folder; files are named within it.</param>
    /// <param name="command">The tool and its arguments.</param>
    internal async ValueTask<ToolRun> RunAsync(
        WorkFolder work, IReadOnlyList<string> command, CancellationToken stop)
    {
        if (await FindIsolationAsync(stop) is not { } isolation
            || isolation == Isolation.Insufficient) return ToolRun.NotStarted;
        return await RunAsync([.. Isolated(isolation, work), .. command], work.Path, _options.ThumbnailTime, stop);
    }

    /// <summary>How tools are isolated here; null if that is not known this time.</summary>
    internal ValueTask<Isolation?> FindIsolationAsync(CancellationToken stop) => _probe.FindAsync(stop);

    public void Dispose() => _probe.Dispose();

    private ValueTask<ToolRun> RunAsync(string[] command, string folder, TimeSpan longest, CancellationToken stop) =>
        ToolProcess.RunAsync(
            [
                "sh", "-c", Script, "sh",
                Text(_options.ThumbnailMemory >> 10),
                Text((long)Math.Ceiling(_options.ThumbnailTime.TotalSeconds)),
                Text(_options.ThumbnailMemory / ShareOfFile / 512),
                "nice", "-n", "19",
                .. command,
            ],
            Sandbox.Filter,
            folder,
            longest,
            _time,
            stop);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Isolated(Isolation isolation, WorkFolder work)
    {
        var folder = Path.GetFullPath(work.Path);
        return isolation switch
        {
            Isolation.Files =>
            [
                .. Sandbox.Command,
                "--bind", folder, folder,
                .. work.Content is { } content ? ["--ro-bind", content, content] : (string[])[],
                "--chdir", folder,
            ],
            Isolation.Network => IsolationProbe.WithoutNetwork,
            _ => [],
        };
    }
}
