using System.Collections.Concurrent;
using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.ClusterNodes;

/// <summary>A process of a program that spreads requests.</summary>
internal sealed class BalancerProcess : IDisposable
{
    private const int MostLines = 20;

    private readonly string _folder = Repository.ScratchFolder("balancer");
    private readonly ConcurrentQueue<string> _said = new();
    private readonly string _program;
    private readonly Process _process;

    private BalancerProcess(
        string program, string configuration, Func<string, string, IEnumerable<string>> argumentsOf)
    {
        _program = program;
        var file = Path.Combine(_folder, "balancer.conf");
        File.WriteAllText(file, configuration);
        _process = Process.Start(new ProcessStartInfo(program, argumentsOf(_folder, file))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>HAProxy with a whole configuration.</summary>
    public static BalancerProcess HaProxy(string configuration) =>
        new("haproxy", configuration, static (_, file) => ["-db", "-q", "-f", file]);

    /// <summary>nginx with what a configuration of it has inside of `http`.</summary>
    public static BalancerProcess Nginx(string inHttp) => new(
        "nginx",
        $$"""
        worker_processes 1;
        pid nginx.pid;
        events { worker_connections 1024; }
        http {
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
        {{inHttp}}
        }
        """,
        static (folder, file) => ["-p", folder, "-c", file, "-e", "stderr", "-g", "daemon off; master_process off;"]);

    public int ProcessId => _process.Id;

    /// <summary>Fails if it has ended, and says why.</summary>
    public void ThrowIfEnded()
    {
        if (_process.HasExited)
            throw new InvalidOperationException($"{_program} has ended: " + string.Join(Environment.NewLine, _said));
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
