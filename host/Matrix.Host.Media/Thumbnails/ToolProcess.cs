using System.ComponentModel;
using System.Diagnostics;

namespace Matrix.Host.Media.Thumbnails;

/// <summary>Runs a program in a process of its own, with an empty environment and a time.</summary>
internal static class ToolProcess
{
    private const int MostOutput = 64 << 10;

    /// <summary>The system's number of the error that there is no such file.</summary>
    private const int NoSuchFile = 2;

    /// <summary>Runs a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="input">What it reads, less than a pipe holds.</param>
    /// <param name="folder">The folder in which it runs.</param>
    /// <param name="longest">The time after which it is ended.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    internal static async ValueTask<ToolRun> RunAsync(
        string[] command,
        ReadOnlyMemory<byte> input,
        string folder,
        TimeSpan longest,
        TimeProvider time,
        CancellationToken stop)
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
            if (process is null) return ToolRun.Ended;
            await WriteAsync(process.StandardInput.BaseStream, input, both.Token);
            var output = ReadAsync(process.StandardOutput.BaseStream, both.Token);
            var errors = ReadAsync(process.StandardError.BaseStream, both.Token);
            var (text, isCut) = await output;
            var (more, _) = await errors;
            await process.WaitForExitAsync(both.Token);
            return new ToolRun(ToolEnd.Exited, process.ExitCode, text + more) { IsCut = isCut };
        }
        catch (Win32Exception fault)
        {
            return fault.NativeErrorCode == NoSuchFile ? ToolRun.NotFound : ToolRun.Ended;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return ToolRun.Ended;
        }
        finally
        {
            if (process is { HasExited: false })
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }

            process?.Dispose();
        }
    }

    private static async Task WriteAsync(Stream stream, ReadOnlyMemory<byte> input, CancellationToken stop)
    {
        try
        {
            await using (stream) await stream.WriteAsync(input, stop);
        }
        catch (IOException)
        {
            // It ended before it read all. Its exit code says why.
        }
    }

    /// <summary>The output, of which a part is kept if there is much.</summary>
    private static async Task<(string Text, bool IsCut)> ReadAsync(Stream stream, CancellationToken stop)
    {
        var kept = new byte[MostOutput];
        var count = await stream.ReadAtLeastAsync(kept, kept.Length, throwOnEndOfStream: false, stop);
        if (count == kept.Length) await stream.CopyToAsync(Stream.Null, stop);
        return (System.Text.Encoding.UTF8.GetString(kept, 0, count), count == kept.Length);
    }
}

/// <summary>How a program ended.</summary>
internal enum ToolEnd
{
    /// <summary>It has an exit code.</summary>
    Exited,

    /// <summary>There is no such program.</summary>
    NotFound,

    /// <summary>It could not be started, or its time was over.</summary>
    Ended,

    /// <summary>It was not started: whether it would run apart from other files is not known.</summary>
    NotStarted,
}

/// <summary>The end of a program's run.</summary>
/// <param name="ExitCode">The exit code; 0 if it has none.</param>
/// <param name="Output">What it wrote, errors last.</param>
internal readonly record struct ToolRun(ToolEnd End, int ExitCode, string Output)
{
    /// <summary>Above it are the exit codes of programs that a signal ended.</summary>
    private const int Signalled = 128;

    internal static ToolRun NotFound { get; } = new(ToolEnd.NotFound, 0, "");

    internal static ToolRun Ended { get; } = new(ToolEnd.Ended, 0, "");

    internal static ToolRun NotStarted { get; } = new(ToolEnd.NotStarted, 0, "");

    /// <summary>Whether it wrote more than is kept.</summary>
    internal bool IsCut { get; init; }

    /// <summary>Whether it did what it was started for.</summary>
    internal bool IsOk => End == ToolEnd.Exited && ExitCode == 0;

    /// <summary>Whether it was ended: its time was over, or the system killed it.</summary>
    internal bool WasEnded => End == ToolEnd.Ended || (End == ToolEnd.Exited && ExitCode > Signalled);
}
