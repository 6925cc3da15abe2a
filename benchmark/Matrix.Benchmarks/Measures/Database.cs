using Matrix.Processes;

namespace Matrix.Benchmarks.Measures;

/// <summary>A database that measures run on, and how its compacted size is found.</summary>
internal abstract class Database : IDisposable
{
    public abstract string Name { get; }

    /// <summary>The target of a sequential send, as a multiple of the floor's time.</summary>
    public abstract double SequentialSendRatio { get; }

    /// <summary>The address of a new, empty database; null for the default, in the data folder.</summary>
    public abstract string? New(string name);

    /// <summary>The address of the floor's own database.</summary>
    public virtual string NewForFloor() => New("floor") ?? "sqlite:floor.db";

    /// <summary>Compacts a server's database and returns its size in bytes.</summary>
    public abstract Task<long> CompactedBytesAsync(HomeserverProcess server, string name, CancellationToken stop);

    public virtual void Dispose()
    {
    }
}

/// <summary>SQLite: to compact, the server stops, the file is rewritten, and the server starts again.</summary>
internal sealed class SqliteDatabase : Database
{
    public override string Name => "SQLite";

    public override double SequentialSendRatio => 1.5;

    public override string? New(string name) => null;

    public override async Task<long> CompactedBytesAsync(HomeserverProcess server, string name, CancellationToken stop)
    {
        await server.StopAsync(stop);
        var file = Path.Combine(server.DataFolder, "matrix.db");
        SqliteFile.Execute(file, "PRAGMA wal_checkpoint(TRUNCATE)");
        SqliteFile.Execute(file, "VACUUM");
        SqliteFile.Execute(file, "PRAGMA wal_checkpoint(TRUNCATE)");
        var bytes = new FileInfo(file).Length;
        await server.StartAsync(stop);
        return bytes;
    }
}

/// <summary>PostgreSQL: a server of its own, compacted while the homeserver runs.</summary>
internal sealed class PostgresDatabase : Database
{
    private readonly PostgresProcess _postgres = new();

    public override string Name => "PostgreSQL";

    public override double SequentialSendRatio => 2.0;

    public override string New(string name) => _postgres.NewDatabase(name);

    public override Task<long> CompactedBytesAsync(HomeserverProcess server, string name, CancellationToken stop)
    {
        _postgres.Sql(name, "VACUUM FULL");
        return Task.FromResult(long.Parse(
            _postgres.Sql(name, "SELECT pg_database_size(current_database())"),
            System.Globalization.CultureInfo.InvariantCulture));
    }

    public override void Dispose()
    {
        _postgres.Dispose();
        base.Dispose();
    }
}
