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
    /// <summary>Bounds: kilobytes of address space, seconds of processor, blocks of 512 bytes of a file.</summary>
    private const string Script =
        "set -e; ulimit -v \"$1\"; ulimit -t \"$2\"; ulimit -f \"$3\"; ulimit -c 0; shift 3; exec \"$@\"";

    /// <summary>The longest that a file may be that a tool writes, as a share of its memory.</summary>
    private const int ShareOfFile = 8;

    private static readonly TimeSpan _probeTime = TimeSpan.FromSeconds(30);

    private readonly MediaOptions _options;
    private readonly TimeProvider _time;
    private readonly IsolationProbe _probe;

    internal VipsTool(MediaOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time) = (options, time);
        _probe = new IsolationProbe(
            (command, stop) => ToolProcess.RunAsync(command, "/", _probeTime, time, stop), log);
    }

    /// <summary>Runs a tool in a folder. It is not started if it is not known how it would be isolated.</summary>
    /// <param name="work">The folder; files are named within it.</param>
    /// <param name="command">The tool and its arguments.</param>
    /// <param name="stop">Ends it.</param>
    internal async ValueTask<ToolRun> RunAsync(
        WorkFolder work, IReadOnlyList<string> command, CancellationToken stop)
    {
        if (await _probe.FindAsync(stop).ConfigureAwait(false) is not { } isolation) return ToolRun.NotStarted;
        string[] bounded =
        [
            "sh", "-c", Script, "sh",
            Text(_options.ThumbnailMemory >> 10),
            Text((long)Math.Ceiling(_options.ThumbnailTime.TotalSeconds)),
            Text(_options.ThumbnailMemory / ShareOfFile / 512),
            "nice", "-n", "19",
            .. Isolated(isolation, work),
            .. command,
        ];
        return await ToolProcess.RunAsync(bounded, work.Path, _options.ThumbnailTime, _time, stop)
            .ConfigureAwait(false);
    }

    public void Dispose() => _probe.Dispose();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Isolated(Isolation isolation, WorkFolder work)
    {
        var folder = Path.GetFullPath(work.Path);
        return isolation switch
        {
            Isolation.Files =>
            [
                .. IsolationProbe.Sandbox,
                "--bind", folder, folder,
                .. work.Content is { } content ? ["--ro-bind", content, content] : (string[])[],
                "--chdir", folder,
            ],
            Isolation.Network => IsolationProbe.WithoutNetwork,
            _ => [],
        };
    }
}
