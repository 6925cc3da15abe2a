using System.Diagnostics;
using System.Globalization;
using Matrix.LoadGen.Http;
using Matrix.Processes;

namespace Matrix.Benchmarks.Floor;

/// <summary>A floor server in a process of its own, like the homeserver.</summary>
internal sealed class FloorProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _folder = Repository.ScratchFolder("floor");
    private readonly Process _process;

    public FloorProcess(string databaseUrl)
    {
        var port = Repository.FreePort();
        Url = $"http://127.0.0.1:{port}";
        _process = Process.Start(
            "dotnet",
            [typeof(FloorProcess).Assembly.Location, "floor", databaseUrl, _folder,
            port.ToString(CultureInfo.InvariantCulture)]);
    }

    public string Url { get; }

    public int ProcessId => _process.Id;

    public async Task ReadyAsync(CancellationToken stop)
    {
        using var connection = new HttpConnection(Target.Parse(Url), FloorServer.Token);
        for (var watch = Stopwatch.StartNew(); ;)
        {
            try
            {
                if (connection.Get("/floor/read") == 200)
                {
                    return;
                }
            }
            catch (System.Net.Sockets.SocketException) when (!_process.HasExited && watch.Elapsed < Patience)
            {
                await Task.Delay(20, stop);
            }
        }
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
}
