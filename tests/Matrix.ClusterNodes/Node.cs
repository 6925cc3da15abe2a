using System.Collections.Concurrent;
using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.ClusterNodes;

/// <summary>A node: a real server process, and a supervisor that starts it again when it has ended.</summary>
internal sealed class Node : IAsyncDisposable
{
    private static readonly TimeSpan _restartAfter = TimeSpan.FromMilliseconds(300);

    private readonly HomeserverProcess _process;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly CancellationTokenSource _over = new();
    private readonly ConcurrentQueue<int> _exits = new();
    private Task _supervising = Task.CompletedTask;
    private volatile TaskCompletionSource _mayRun = new();

    public Node(int number, Uri database, NodeAuthority authority, ClusterOptions options)
    {
        var name = Name = $"node{number}";
        Wires = new Wires(database, options.IsDirect);
        var (certificate, key) = authority.Issue(name);
        var settings = new Dictionary<string, string>
        {
            ["MATRIX_CLUSTER__NODE"] = name,
            ["MATRIX_CLUSTER__CERTIFICATE"] = certificate,
            ["MATRIX_CLUSTER__KEY"] = key,
            ["MATRIX_CLUSTER__AUTHORITY"] = authority.RootFile,
            ["MATRIX_MEDIA__FOLDER"] = Directory.CreateDirectory(Path.Combine(authority.Folder, "media")).FullName,
            ["MATRIX_REGISTRATION__ENABLED"] = "true",
            ["MATRIX_PASSWORDS__MEMORY"] = "64KiB",
            ["MATRIX_PASSWORDS__OPERATIONS"] = "1",
        };
        foreach (var (setting, value) in Wires.Settings) settings[setting] = value;
        _process = new HomeserverProcess(Wires.Database.AbsoluteUri, settings) { Share = options.Shares?[number] };
        foreach (var (setting, value) in options.Settings(number)) _process.Settings[setting] = value;
        _mayRun.SetResult();
    }

    public string Name { get; }

    public Wires Wires { get; }

    public Uri Url => new(_process.Url);

    public string Folder => _process.Folder;

    public bool KeepsFiles
    {
        set => _process.KeepsFiles = value;
    }

    public bool Runs => _process.Runs;

    /// <summary>Its present process.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The exit codes of its processes so far.</summary>
    public IReadOnlyCollection<int> Exits => _exits;

    /// <summary>Starts it under supervision.</summary>
    /// <param name="signingKey">The file of the key, which all nodes have.</param>
    public void Start(string signingKey)
    {
        Directory.CreateDirectory(_process.DataFolder);
        File.Copy(signingKey, Path.Combine(_process.DataFolder, "signing.key"));
        _supervising = Task.Run(SuperviseAsync);
    }

    /// <summary>SIGKILL.</summary>
    public void Kill() => Signals.SendKill(_process.ProcessId);

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Signals.SendTerminate(_process.ProcessId);

    /// <summary>SIGSTOP.</summary>
    public void Pause() => Signals.SendStop(_process.ProcessId);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signals.SendContinue(_process.ProcessId);

    /// <summary>From its next end on it is not started, until <see cref="Release"/>.</summary>
    public void Hold() => _mayRun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>It may run again.</summary>
    public void Release() => _mayRun.TrySetResult();

    /// <summary>Whether it says that a balancer should send it requests.</summary>
    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var reply = await _http.GetAsync(new Uri(Url, "/health/ready"));
            return reply.IsSuccessStatusCode;
        }
        catch (Exception gone) when (gone is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The first errors of its log, each fault once.</summary>
    public IReadOnlyList<string> LoggedErrors(int count) => _process.LoggedErrors(count);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _supervising;
        _process.Dispose();
        await Wires.DisposeAsync();
        _http.Dispose();
        _over.Dispose();
    }

    private async Task SuperviseAsync()
    {
        try
        {
            while (true)
            {
                await _mayRun.Task.WaitAsync(_over.Token);
                try
                {
                    await _process.StartAsync(_over.Token);
                }
                catch (InvalidOperationException)
                {
                    // It did not start; the log says why. One that does not answer either is ended.
                    if (_process.Runs) await _process.KillAsync(_over.Token);
                }

                _exits.Enqueue(await _process.ExitedAsync(_over.Token));
                await Task.Delay(_restartAfter, _over.Token);
            }
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested)
        {
            // The test is over.
        }
    }
}
