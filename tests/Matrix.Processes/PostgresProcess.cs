using System.Diagnostics;

namespace Matrix.Processes;

/// <summary>A PostgreSQL server of one's own, by <c>tests/support/postgres.sh</c>.</summary>
public sealed class PostgresProcess : IDisposable
{
    private readonly string _folder = Repository.ScratchFolder("postgres");

    public PostgresProcess() => Url = Script("start").Trim();

    /// <summary>Its address, as <c>database.url</c> takes it.</summary>
    public string Url { get; }

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
        using var script = Process.Start(start)!;
        var output = script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        return script.ExitCode == 0 ? output : throw new InvalidOperationException($"postgres.sh {verb} failed: {output}");
    }
}
