using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Runs the tools of libvips in processes of their own, with bounds on memory, time and files, at the lowest priority,
/// with the loaders only that are made for untrusted files, and apart from other files and the network where the system
/// allows that.
/// </summary>
internal sealed partial class VipsTool(MediaOptions options, TimeProvider time, ILogger log) : IDisposable
{
    private const int MostOutput = 64 << 10;

    /// <summary>Bounds: kilobytes of address space, seconds of processor, blocks of 512 bytes of a file.</summary>
    private const string Script =
        "set -e; ulimit -v \"$1\"; ulimit -t \"$2\"; ulimit -f \"$3\"; ulimit -c 0; shift 3; exec \"$@\"";

    /// <summary>The longest that a file may be that a tool writes, as a share of its memory.</summary>
    private const int ShareOfFile = 8;

    private static readonly TimeSpan _probeTime = TimeSpan.FromSeconds(30);

    /// <summary>Only the system's programs can be read, and one folder written.</summary>
    private static readonly string[] _sandbox =
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
    ];

    private static readonly string[] _withoutNetwork = ["unshare", "--map-root-user", "--net"];

    private readonly SemaphoreSlim _probing = new(1);
    private Isolation? _isolation;

    private enum Isolation
    {
        None,
        Network,
        Files,
    }

    /// <summary>Runs a tool in a folder.</summary>
    /// <param name="work">The folder; files are named within it.</param>
    /// <param name="command">The tool and its arguments.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>The exit code and the output; null if it was ended, or is not installed.</returns>
    internal async ValueTask<(int ExitCode, string Output)?> RunAsync(
        WorkFolder work, IReadOnlyList<string> command, CancellationToken stop)
    {
        string[] bounded =
        [
            "sh", "-c", Script, "sh",
            Text(options.ThumbnailMemory >> 10),
            Text((long)Math.Ceiling(options.ThumbnailTime.TotalSeconds)),
            Text(options.ThumbnailMemory / ShareOfFile / 512),
            "nice", "-n", "19",
            .. Isolated(await FindIsolationAsync(stop).ConfigureAwait(false), work),
            .. command,
        ];
        return await RunAsync(bounded, work.Path, options.ThumbnailTime, time, stop).ConfigureAwait(false);
    }

    public void Dispose() => _probing.Dispose();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Isolated(Isolation isolation, WorkFolder work)
    {
        var folder = Path.GetFullPath(work.Path);
        return isolation switch
        {
            Isolation.Files =>
            [
                .. _sandbox,
                "--bind", folder, folder,
                .. work.Content is { } content ? ["--ro-bind", content, content] : (string[])[],
                "--chdir", folder,
            ],
            Isolation.Network => _withoutNetwork,
            _ => [],
        };
    }

    /// <summary>The best that the system allows. It is tried once.</summary>
    private async ValueTask<Isolation> FindIsolationAsync(CancellationToken stop)
    {
        if (_isolation is { } known) return known;
        await _probing.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_isolation is { } found) return found;
            var isolation = await WorksAsync([.. _sandbox, "true"], stop).ConfigureAwait(false) ? Isolation.Files
                : await WorksAsync([.. _withoutNetwork, "true"], stop).ConfigureAwait(false) ? Isolation.Network
                : Isolation.None;
            _isolation = isolation;
            if (isolation == Isolation.Files) FilesApart();
            else if (isolation == Isolation.Network) NetworkApart();
            else NotApart();
            return isolation;
        }
        finally
        {
            _probing.Release();
        }
    }

    private async ValueTask<bool> WorksAsync(string[] command, CancellationToken stop) =>
        await RunAsync(command, "/", _probeTime, time, stop).ConfigureAwait(false) is { ExitCode: 0 };

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

    private static async Task<(int ExitCode, string Output)?> RunAsync(
        string[] command, string folder, TimeSpan longest, TimeProvider time, CancellationToken stop)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin:/usr/local/bin";
        start.Environment["VIPS_BLOCK_UNTRUSTED"] = "1";
        start.Environment["VIPS_CONCURRENCY"] = "1";
        using var clock = new CancellationTokenSource(longest, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        Process? process = null;
        try
        {
            process = Process.Start(start);
            if (process is null) return null;
            process.StandardInput.Close();
            var output = ReadAsync(process.StandardOutput.BaseStream, both.Token);
            var errors = ReadAsync(process.StandardError.BaseStream, both.Token);
            var text = await output.ConfigureAwait(false) + await errors.ConfigureAwait(false);
            await process.WaitForExitAsync(both.Token).ConfigureAwait(false);
            return (process.ExitCode, text);
        }
        catch (Exception fault) when (fault is System.ComponentModel.Win32Exception
            || (fault is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return null;
        }
        finally
        {
            if (process is { HasExited: false })
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            }

            process?.Dispose();
        }
    }

    /// <summary>The output, of which a part is kept if there is much.</summary>
    private static async Task<string> ReadAsync(Stream stream, CancellationToken stop)
    {
        var kept = new byte[MostOutput];
        var count = await stream.ReadAtLeastAsync(kept, kept.Length, throwOnEndOfStream: false, stop)
            .ConfigureAwait(false);
        if (count == kept.Length) await stream.CopyToAsync(Stream.Null, stop).ConfigureAwait(false);
        return System.Text.Encoding.UTF8.GetString(kept, 0, count);
    }
}
