using System.Diagnostics;
using System.Globalization;

namespace Matrix.Processes;

/// <summary>A PostgreSQL server for one test, by <c>tests/support/postgres.sh</c>.</summary>
public sealed class PostgresProcess : IDisposable
{
    private readonly string _folder;
    private bool _isEnded;

    /// <param name="inMemory">Whether its files are in memory, if the machine has a folder for that.</param>
    public PostgresProcess(bool inMemory = false)
        : this(inMemory, primary: null)
    {
    }

    private PostgresProcess(bool inMemory, PostgresProcess? primary)
    {
        _folder = inMemory && Directory.Exists("/dev/shm")
            ? Directory.CreateDirectory($"/dev/shm/matrix-postgres-{Guid.NewGuid():N}").FullName
            : Repository.ScratchFolder("postgres");
        Url = (primary is null ? Script("start") : Script("standby", primary.Url)).Trim();
    }

    /// <summary>Its address, for <c>database.url</c>.</summary>
    public string Url { get; }

    /// <summary>Whether its files stay after the test.</summary>
    public bool KeepsFiles { get; set; }

    /// <summary>The folder of its files.</summary>
    public string Folder => _folder;

    /// <summary>The process that all others of the server are children of.</summary>
    public int ProcessId => int.Parse(
        File.ReadLines(Path.Combine(_folder, "data", "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    /// <summary>Creates an empty database and returns its address.</summary>
    public string NewDatabase(string name)
    {
        Sql("postgres", $"CREATE DATABASE {name}");
        return AddressOf(name);
    }

    /// <summary>Runs a statement and returns the rows as text.</summary>
    public string Sql(string database, string statement) => SqlAt(AddressOf(database), statement);

    /// <summary>Runs a statement in the database at an address, and returns the rows as text.</summary>
    public static string SqlAt(string address, string statement)
    {
        var start = new ProcessStartInfo(
            "psql", ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", statement])
        {
            RedirectStandardOutput = true,
        };
        return Run(start);
    }

    /// <summary>A database's address.</summary>
    public string AddressOf(string database) => new UriBuilder(Url) { Path = database }.Uri.AbsoluteUri;

    /// <summary>Starts a standby that follows this server, and waits until it is synchronous.</summary>
    public PostgresProcess NewStandby(bool inMemory = false)
    {
        var standby = new PostgresProcess(inMemory, this);
        Sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        Sql("postgres", "SELECT pg_reload_conf()");
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(30);
        while (Sql("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Trim() == "0")
        {
            if (DateTime.UtcNow > until) throw new InvalidOperationException("The standby does not follow.");
            Thread.Sleep(50);
        }

        return standby;
    }

    /// <summary>Ends it as a crash does.</summary>
    public void Crash()
    {
        Script("crash");
        _isEnded = true;
    }

    /// <summary>A standby becomes a primary that waits for no other.</summary>
    public void Promote()
    {
        Sql("postgres", "SELECT pg_promote()");
        Sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
        Sql("postgres", "SELECT pg_reload_conf()");
    }

    public void Dispose()
    {
        if (!_isEnded) Script("stop");
        if (!KeepsFiles) Directory.Delete(_folder, recursive: true);
    }

    private string Script(string verb, params string[] further)
    {
        var start = new ProcessStartInfo(
            Path.Combine(Repository.Root, "tests", "support", "postgres.sh"), [verb, _folder, .. further])
        {
            RedirectStandardOutput = true,
        };
        return Run(start);
    }

    private static string Run(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output
            : throw new InvalidOperationException($"{start.FileName} failed: {output}");
    }
}
