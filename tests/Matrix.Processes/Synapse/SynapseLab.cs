using System.Diagnostics;
using System.Globalization;
using System.Net;
using Matrix.Processes.Network;

namespace Matrix.Processes.Synapse;

/// <summary>
/// Synapses of the lab that <c>tests/interop/synapse.sh</c> uses too (`LAB_TOOLS` and `LAB` in the environment). They
/// run on PostgreSQL, as their documentation asks for, with their own durability.
/// </summary>
public sealed class SynapseLab : IServerAuthority, IDisposable
{
    private readonly string _tools;
    private readonly string _lab;
    private readonly string _folder = Repository.ScratchFolder("synapse");
    private readonly List<SynapseProcess> _servers = [];

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

    /// <inheritdoc/>
    public string RootFile => Path.Combine(_lab, "ca", "ca.crt");

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
        var (certificate, key) = Issue("localhost");
        return new ServerAddress(
            $"localhost:{port}", new IPEndPoint(IPAddress.Loopback, port), certificate, key, RootFile);
    }

    /// <inheritdoc/>
    public (string Certificate, string Key) Issue(string host)
    {
        var file = Path.Combine(_folder, $"{Guid.NewGuid():N}");
        Run("mkcert.sh", file + ".crt", file + ".key", host);
        return (file + ".crt", file + ".key");
    }

    /// <summary>Starts a new Synapse.</summary>
    /// <param name="name">The name of its folder and database in the lab. What has that name is ended.</param>
    public async Task<SynapseProcess> StartAsync(string name, CancellationToken stop)
    {
        Run("synapse-down.sh", name, "--wipe");
        int port = Repository.FreePort(), federation = Repository.FreePort();
        var server = new SynapseProcess(
            $"localhost:{federation}",
            new Uri($"http://127.0.0.1:{port}"),
            Path.Combine(_lab, "sid", "lab", name),
            () => Run("synapse-down.sh", name, "--wipe"));
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

    internal static int IdIn(string file) => int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture);

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
