using System.Diagnostics;
using System.Globalization;
using System.Net;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>
/// Synapses of the lab that <c>tests/interop/synapse.sh</c> uses too (`LAB_TOOLS` and `LAB` in the environment). They
/// run on PostgreSQL, as their documentation asks for, with their own durability.
/// </summary>
internal sealed class SynapseLab : IDisposable
{
    private const string Secret = "lab";

    private readonly string _tools;
    private readonly string _lab;
    private readonly string _folder = Repository.ScratchFolder("synapse");
    private readonly List<SynapseServer> _servers = [];

    /// <summary>Whether the lab's PostgreSQL runs for someone else, who still needs it afterwards.</summary>
    private readonly bool _isPostgresShared;

    private SynapseLab(string tools, string lab)
    {
        _tools = tools;
        _lab = lab;
        _isPostgresShared = File.Exists(Path.Combine(lab, "pg", "data", "postmaster.pid"));
    }

    /// <summary>What our servers need to reach Synapse, whose name has an IPv6 address too.</summary>
    public Dictionary<string, string> Settings { get; } = new()
    {
        ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8,::1/128",
    };

    /// <summary>The process that all of the lab's PostgreSQL are children of.</summary>
    public int PostgresProcessId => IdIn(Path.Combine(_lab, "pg", "data", "postmaster.pid"));

    /// <summary>The lab; null if this machine has none, which is said.</summary>
    public static SynapseLab? Find(Action<string> say)
    {
        var tools = Environment.GetEnvironmentVariable("LAB_TOOLS")
            ?? Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "lab"));
        var lab = Environment.GetEnvironmentVariable("LAB")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "lab");
        if (File.Exists(Path.Combine(tools, "synapse-up.sh"))
            && File.Exists(Path.Combine(lab, "sid", "usr", "bin", "python3"))
            && File.Exists(Path.Combine(lab, "ca", "ca.crt")))
        {
            return new SynapseLab(tools, lab);
        }

        say("       there is no lab with a Synapse on this machine: what is compared with it is left out");
        return null;
    }

    /// <summary>An address of one of our servers, with a certificate of the lab's authority.</summary>
    public ServerAddress Address()
    {
        var port = Repository.FreePort();
        var file = Path.Combine(_folder, port.ToString(CultureInfo.InvariantCulture));
        Run("mkcert.sh", file + ".crt", file + ".key", "localhost", "127.0.0.1");
        return new ServerAddress(
            $"localhost:{port}", new IPEndPoint(IPAddress.Loopback, port), file + ".crt", file + ".key",
            Path.Combine(_lab, "ca", "ca.crt"));
    }

    /// <summary>The process of a Synapse.</summary>
    public int ProcessIdOf(string name) => IdIn(Path.Combine(_lab, "sid", "lab", name, "pid"));

    /// <summary>Starts a new Synapse.</summary>
    public async Task<SynapseServer> StartAsync(string name, CancellationToken stop)
    {
        Run("synapse-down.sh", name, "--wipe");
        int port = Repository.FreePort(), federation = Repository.FreePort();
        var server = new SynapseServer(
            $"localhost:{federation}", port, Secret, () => Run("synapse-down.sh", name, "--wipe"));
        _servers.Add(server);
        await Task.Run(
            () => Run(
                "synapse-up.sh", name, port.ToString(CultureInfo.InvariantCulture),
                federation.ToString(CultureInfo.InvariantCulture), "postgres"),
            stop);
        return server;
    }

    public void Dispose()
    {
        _servers.ForEach(server => server.Dispose());
        if (_servers.Count > 0 && !_isPostgresShared) Run("pg-down.sh");
        Directory.Delete(_folder, recursive: true);
    }

    private static int IdIn(string file) => int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture);

    private void Run(string script, params string[] arguments)
    {
        // A server that a script leaves behind keeps the script's output open, so nothing of it is read.
        var start = new ProcessStartInfo(Path.Combine(_tools, script), arguments);
        start.Environment["LAB"] = _lab;
        start.Environment["SYNAPSE_BCRYPT"] = "4";
        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{script} failed.");
    }
}

/// <summary>A running Synapse, and its users.</summary>
internal sealed class SynapseServer(string name, int port, string secret, Action end) : IFederatedServer
{
    private bool _isEnded;

    public string Name => name;

    public Population Population => Stage.Population;

    /// <summary>The server as a stage of the load generator.</summary>
    public Stage Stage { get; } = StageOf(new Server(
        name, ServerKind.Homeserver, Target.Parse($"http://127.0.0.1:{port}"), secret, [], ProcessId: null,
        DataFolder: null));

    public void Dispose()
    {
        if (_isEnded) return;
        _isEnded = true;
        end();
    }

    private static Stage StageOf(Server server) => new(server, new Population(server), new Settings());
}
