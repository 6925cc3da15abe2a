namespace Matrix.TestWorld;

/// <summary>An empty database for one test.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    public const string Sqlite = "SQLite";
    public const string Postgres = "PostgreSQL";

    private readonly string? _postgresName;

    private TestDatabase(string url, string folder, string? postgresName)
    {
        Url = url;
        Folder = folder;
        _postgresName = postgresName;
    }

    /// <summary>One fixture for each kind. The PostgreSQL fixture has a category, so that a run can omit it.</summary>
    public static IEnumerable<TestFixtureData> Kinds
    {
        get
        {
            yield return new TestFixtureData(Sqlite);
            var postgres = new TestFixtureData(Postgres);
            postgres.Properties.Add(NUnit.Framework.Internal.PropertyNames.Category, Postgres);
            yield return postgres;
        }
    }

    public string Url { get; }

    public string Folder { get; }

    /// <param name="kind">The kind of database.</param>
    /// <param name="isNew">Whether it has no schema: an emptied database has the current one.</param>
    public static async Task<TestDatabase> CreateAsync(string kind, bool isNew = false)
    {
        var folder = Directory.CreateTempSubdirectory("matrix-storage-").FullName;
        if (kind == Sqlite)
        {
            return new TestDatabase("sqlite:matrix.db", folder, null);
        }

        var server = await PostgresServer.SharedAsync();
        var name = await server.TakeDatabaseAsync(isNew);
        return new TestDatabase(server.UrlOf(name), folder, name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postgresName is not null)
        {
            await (await PostgresServer.SharedAsync()).GiveBackDatabaseAsync(_postgresName);
        }

        Directory.Delete(Folder, recursive: true);
    }
}
