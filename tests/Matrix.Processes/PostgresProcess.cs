using System.Diagnostics;

namespace Matrix.Processes;

/// <summary>A PostgreSQL server for one test, by <c>tests/support/postgres.sh</c>.</summary>
public sealed class PostgresProcess : IDisposable
{
    private readonly string _folder;

    /// <param name="inMemory">Whether its files are in memory, if the machine has a folder for that.</param>
    public PostgresProcess(bool inMemory = false)
    {
        _folder = inMemory && Directory.Exists("/dev/shm")
            ? Directory.CreateDirectory($"/dev/shm/matrix-postgres-{Guid.NewGuid():N}").FullName
            : Repository.ScratchFolder("postgres");
        Url = Script("start").Trim();
    }

    /// <summary>Its address, for <c>database.url</c>.</summary>
    public string Url { get; }

    /// <summary>Whether its files stay after the test.</summary>
    public bool KeepsFiles { get; set; }

    /// <summary>The folder of its files.</summary>
    public string Folder => _folder;

    /// <summary>Creates an empty database and returns its address.</summary>
    public string NewDatabase(string name)
    {
        Sql("postgres", $"CREATE DATABASE {name}");
        return AddressOf(name);
    }

    /// <summary>Runs a statement and returns the rows as text.</summary>
    public string Sql(string database, string statement)
    {
        var start = new ProcessStartInfo(
            "psql", ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", AddressOf(database), "-c", statement])
        {
            RedirectStandardOutput = true,
        };
        return Run(start);
    }

    /// <summary>A database's address.</summary>
    public string AddressOf(string database) => new UriBuilder(Url) { Path = database }.Uri.AbsoluteUri;

    public void Dispose()
    {
        Script("stop");
        if (!KeepsFiles) Directory.Delete(_folder, recursive: true);
    }

    private string Script(string verb)
    {
        var start = new ProcessStartInfo(
            Path.Combine(Repository.Root, "tests", "support", "postgres.sh"), [verb, _folder])
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
