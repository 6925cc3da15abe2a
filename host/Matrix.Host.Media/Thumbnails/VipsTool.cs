using System.Diagnostics;
using System.Globalization;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>
/// Runs the tools of libvips in processes of their own, with bounds on memory and time, at the lowest priority, without
/// network where the system allows that, and with the loaders only that are made for untrusted files.
/// </summary>
internal sealed class VipsTool(MediaOptions options, TimeProvider time)
{
    private const int MostOutput = 64 << 10;

    /// <summary>Bounds: kilobytes of address space, seconds of processor, no core dump.</summary>
    private const string Script =
        "ulimit -v \"$1\"; ulimit -t \"$2\"; ulimit -c 0; shift 2; exec \"$@\"";

    private static readonly string[] _withoutNetwork = ["unshare", "--map-root-user", "--net"];

    private readonly Lazy<Task<bool>> _canUnshare = new(async () =>
        (await RunAsync(
            [.. _withoutNetwork, "true"], "/", TimeSpan.FromSeconds(5), time, CancellationToken.None)
            .ConfigureAwait(false)) is { ExitCode: 0 });

    /// <summary>Runs a tool in a folder.</summary>
    /// <param name="folder">The folder; files are named within it.</param>
    /// <param name="command">The tool and its arguments.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>The exit code and the output; null if it was ended, or is not installed.</returns>
    internal async ValueTask<(int ExitCode, string Output)?> RunAsync(
        string folder, IReadOnlyList<string> command, CancellationToken stop)
    {
        string[] bounded =
        [
            "sh", "-c", Script, "sh",
            (options.ThumbnailMemory >> 10).ToString(CultureInfo.InvariantCulture),
            Math.Ceiling(options.ThumbnailTime.TotalSeconds).ToString(CultureInfo.InvariantCulture),
            "nice", "-n", "19",
            .. await _canUnshare.Value.ConfigureAwait(false) ? _withoutNetwork : [],
            .. command,
        ];
        return await RunAsync(bounded, folder, options.ThumbnailTime, time, stop).ConfigureAwait(false);
    }

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
            if (process is { HasExited: false }) process.Kill(entireProcessTree: true);
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
