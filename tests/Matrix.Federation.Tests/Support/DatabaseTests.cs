namespace Matrix.Federation.Tests.Support;

/// <summary>Tests on a kind of database. Each server that they start has one of its own.</summary>
public abstract class DatabaseTests(string databaseKind)
{
    private readonly List<TestDatabase> _databases = [];

    [OneTimeTearDown]
    public async Task GiveBackDatabasesAsync()
    {
        foreach (var database in _databases) await database.DisposeAsync();
    }

    /// <summary>The address of a new database; null for SQLite in the server's folder.</summary>
    private protected async Task<string?> NewDatabaseAsync()
    {
        if (databaseKind == TestDatabase.Sqlite) return null;
        var database = await TestDatabase.CreateAsync(databaseKind);
        _databases.Add(database);
        return database.Url;
    }
}
