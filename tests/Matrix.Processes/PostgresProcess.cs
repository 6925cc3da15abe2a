using System.Diagnostics;

namespace Matrix.Processes;

/// <summary>A PostgreSQL server of one's own, by <c>tests/support/postgres.sh</c>.</summary>
public sealed class PostgresProcess : IDisposable
{
    private readonly string _folder = Repository.ScratchFolder("postgres");

    public PostgresProcess() => Url = Script("start").Trim();

    /// <summary>Its address, as <c>database.url</c> takes it.</summary>
    public string Url { get; }

    /// <summary>Makes an empty database on it; answers its address.</summary>
    public string NewDatabase(string name)
    {
        Sql("postgres", $"CREATE DATABASE {name}");
        return AddressOf(name);
    }

    /// <summary>Runs a statement; answers the rows as text.</summary>
    public string Sql(string database, string statement)
    {
        var start = new ProcessStartInfo("psql", ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", AddressOf(database), "-c", statement])
        {
            RedirectStandardOutput = true,
        };
        return Run(start);
    }

    private string AddressOf(string database) => new UriBuilder(Url) { Path = database }.Uri.AbsoluteUri;

    public void Dispose()
    {
        Script("stop");
        Directory.Delete(_folder, recursive: true);
    }

    private string Script(string verb)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "tests", "support", "postgres.sh"), [verb, _folder])
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
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{start.FileName} failed: {output}");
    }
}
