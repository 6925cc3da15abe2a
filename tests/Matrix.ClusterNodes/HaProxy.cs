using System.Collections.Concurrent;
using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.ClusterNodes;

/// <summary>A process of HAProxy.</summary>
internal sealed class HaProxy : IDisposable
{
    private const int MostLines = 20;

    private readonly string _folder = Repository.ScratchFolder("balancer");
    private readonly ConcurrentQueue<string> _said = new();
    private readonly Process _process;

    public HaProxy(string configuration)
    {
        var file = Path.Combine(_folder, "haproxy.cfg");
        File.WriteAllText(file, configuration);
        _process = Process.Start(new ProcessStartInfo("haproxy", ["-db", "-q", "-f", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int ProcessId => _process.Id;

    /// <summary>Fails if it has ended, and says why.</summary>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
            throw new InvalidOperationException("HAProxy has ended: " + string.Join(Environment.NewLine, _said));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Signals.SendKill(_process.Id);
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        // It tells of each server that goes or comes.
        if (line.Data is { } text) _said.Enqueue(text);
        if (_said.Count > MostLines) _said.TryDequeue(out _);
    }
}
