using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Matrix.Core.Cluster;
using Matrix.Processes;

namespace Matrix.Cluster.Tests;

/// <summary>A node in a process of its own.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;

    private NodeProcess(Process process, NodeIncarnation self) => (_process, Self) = (process, self);

    public NodeIncarnation Self { get; }

    public int Id => _process.Id;

    /// <summary>What it printed, with when.</summary>
    public ConcurrentQueue<(long At, string Line)> Lines { get; } = [];

    /// <summary>Starts a node, and waits until it has joined.</summary>
    public static async Task<NodeProcess> StartAsync(ClusterDatabase database, NodeAuthority authority, string name)
    {
        var node = Begin(database, authority, name);
        await Until.HoldsAsync(() => node.Has(NodeProgram.Joined));
        return node;
    }

    /// <summary>Starts a node.</summary>
    public static NodeProcess Begin(ClusterDatabase database, NodeAuthority authority, string name)
    {
        var options = TestNode.OptionsOf(authority, name);
        var self = TestNode.Draw(name);
        var process = Process.Start(new ProcessStartInfo(
            "dotnet",
            [
                typeof(NodeProcess).Assembly.Location, name,
                self.Incarnation.ToString(CultureInfo.InvariantCulture), $"{options.Listen}", options.Certificate,
                options.Key, options.Authority,
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [NodeProgram.Database] = database.ConnectionString },
        })!;
        var node = new NodeProcess(process, self);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not null) node.Lines.Enqueue((Stopwatch.GetTimestamp(), line.Data));
        };
        process.BeginOutputReadLine();
        return node;
    }

    public bool Has(string word) => LineOf(word) is not null;

    /// <summary>The first line that begins with a word; null if there is none.</summary>
    public string? LineOf(string word) => Lines
        .Select(static line => line.Line).FirstOrDefault(line => line.StartsWith(word, StringComparison.Ordinal));

    public void Say(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    public void Kill() => Signals.SendKill(_process.Id);

    public void Pause() => Signals.SendStop(_process.Id);

    public void Continue() => Signals.SendContinue(_process.Id);

    public Task WaitForExitAsync() => _process.WaitForExitAsync();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
