using System.Diagnostics;
using System.Net.Http;
using System.Net.Sockets;

namespace Matrix.Processes;

/// <summary>
/// The real server, started the way a person starts it (<c>./run --no-build</c>), on a port and in a folder of its own.
/// </summary>
public sealed class HomeserverProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, string> _settings;
    private Process? _process;
    private StreamWriter? _log;

    /// <param name="databaseUrl">As <c>database.url</c> of the configuration; null for the default, SQLite in the data
    /// folder.</param>
    /// <param name="settings">Further environment variables.</param>
    public HomeserverProcess(string? databaseUrl = null, IReadOnlyDictionary<string, string>? settings = null)
    {
        Folder = Repository.ScratchFolder("server");
        Port = Repository.FreePort();
        _settings = new Dictionary<string, string>(settings ?? new Dictionary<string, string>())
        {
            ["MATRIX_SERVER_NAME"] = "hybrid.test",
            ["MATRIX_DATA_DIR"] = DataFolder,
            ["MATRIX_LISTENERS__CLIENT"] = $"127.0.0.1:{Port}",
            ["MATRIX_REGISTRATION__SHARED_SECRET"] = Secret,
            ["MATRIX_RATE_LIMITS__ENABLED"] = "false",
        };
        if (databaseUrl is not null)
        {
            _settings["MATRIX_DATABASE__URL"] = databaseUrl;
        }
    }

    public string Folder { get; }

    public string DataFolder => Path.Combine(Folder, "data");

    public int Port { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    public string Secret { get; } = Guid.NewGuid().ToString("n");

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The server is not running.");

    /// <summary>Whether its process runs.</summary>
    public bool Runs => _process is { HasExited: false };

    /// <summary>Settings for the next start.</summary>
    public IDictionary<string, string> Settings => _settings;

    /// <summary>Whether its data and log stay after the test.</summary>
    public bool KeepsFiles { get; set; }

    /// <summary>What bounds its processor time from its next start on; null for nothing.</summary>
    public ProcessorShare? Share { get; set; }

    /// <summary>Starts the server and waits until it answers.</summary>
    public async Task StartAsync(CancellationToken stop = default)
    {
        var start = StartInfo();
        foreach (var (name, value) in _settings)
        {
            start.Environment[name] = value;
        }

        Directory.CreateDirectory(Folder);
        _log ??= new StreamWriter(Path.Combine(Folder, "server.log"), append: true) { AutoFlush = true };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Log;
        _process.ErrorDataReceived += Log;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        using var client = new HttpClient();
        var watch = Stopwatch.StartNew();
        while (!await AnswersAsync(client, stop))
        {
            if (_process.HasExited || watch.Elapsed > Patience)
            {
                throw new InvalidOperationException($"The server did not start:{Environment.NewLine}{LogEnd()}");
            }

            await Task.Delay(20, stop);
        }
    }

    /// <summary>Kills the server and waits until it is gone.</summary>
    public async Task KillAsync(CancellationToken stop = default)
    {
        Signals.SendKill(ProcessId);
        await _process!.WaitForExitAsync(stop);
    }

    /// <summary>Waits until the server has ended, for whatever reason, and returns its exit code.</summary>
    public async Task<int> ExitedAsync(CancellationToken stop = default)
    {
        await _process!.WaitForExitAsync(stop);
        return _process.ExitCode;
    }

    /// <summary>
    /// Waits until the server ends by itself, and returns its exit code. Beyond the time it is killed, a failure.
    /// </summary>
    public async Task<int> EndsAsync(TimeSpan within, CancellationToken stop = default)
    {
        try
        {
            await _process!.WaitForExitAsync(stop).WaitAsync(within, stop);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            await KillAsync(stop);
            throw new InvalidOperationException($"The server still ran after {within.TotalSeconds} s.");
        }
    }

    /// <summary>Sends SIGTERM and waits; returns the exit code and the time.</summary>
    public async Task<(int ExitCode, TimeSpan Took)> StopAsync(CancellationToken stop = default)
    {
        var watch = Stopwatch.StartNew();
        Signals.SendTerminate(ProcessId);
        await _process!.WaitForExitAsync(stop);
        return (_process.ExitCode, watch.Elapsed);
    }

    /// <summary>The last lines of the server's log.</summary>
    public string LogEnd() => string.Join(Environment.NewLine, LogLines().TakeLast(30));

    /// <summary>The first errors of the server's log, each fault once.</summary>
    public IReadOnlyList<string> LoggedErrors(int count) =>
    [
        .. LogLines().Where(static line => line.Contains("level=error", StringComparison.Ordinal))
            .DistinctBy(static line => line.IndexOf("fault=", StringComparison.Ordinal) is > 0 and var fault
                ? line[fault..]
                : line)
            .Take(count),
    ];

    /// <summary>The lines of the server's log with this text.</summary>
    public IReadOnlyList<string> LoggedLines(string text) =>
        [.. LogLines().Where(line => line.Contains(text, StringComparison.Ordinal))];

    private ProcessStartInfo StartInfo()
    {
        var run = Path.Combine(Repository.Root, "run");

        // It is in its group before it runs: .NET asks once, at the start, how many processors it has.
        var start = Share is { } share
            ? new ProcessStartInfo(
                "sh", ["-c", "echo $$ > \"$0\" && exec \"$@\"", share.Processes, run, "--no-build"])
            : new ProcessStartInfo(run, ["--no-build"]);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        return start;
    }

    private string[] LogLines()
    {
        lock (_settings)
        {
            _log?.Flush();
        }

        var path = Path.Combine(Folder, "server.log");
        if (!File.Exists(path)) return [];
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n');
    }

    /// <summary>Kills the server if it still runs, and removes its data.</summary>
    public void Dispose()
    {
        if (_process is { HasExited: false } running)
        {
            Signals.SendKill(running.Id);
            running.WaitForExit();
        }

        _process?.Dispose();
        lock (_settings)
        {
            _log?.Dispose();
            _log = null;
        }

        if (!KeepsFiles) Directory.Delete(Folder, recursive: true);
    }

    private void Log(object sender, DataReceivedEventArgs line)
    {
        lock (_settings)
        {
            _log?.WriteLine(line.Data);
        }
    }

    private async Task<bool> AnswersAsync(HttpClient client, CancellationToken stop)
    {
        try
        {
            using var response = await client.GetAsync(new Uri($"{Url}/_matrix/client/versions"), stop);
            return response.IsSuccessStatusCode;
        }
        catch (Exception gone) when (gone is HttpRequestException or SocketException)
        {
            return false;
        }
    }
}
