using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;

namespace Matrix.Host.Tests.Storage;

/// <summary>The base of storage tests: a new store, on each kind of database.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal abstract class StorageTests(string kind)
{
    protected TestDatabase Database { get; private set; } = null!;

    protected OpenedStorage Store { get; set; } = null!;

    protected ManualTime Time { get; private set; } = null!;

    protected string Kind { get; } = kind;

    protected bool IsSqlite => Kind == TestDatabase.Sqlite;

    protected static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task OpenStore()
    {
        Database = await TestDatabase.CreateAsync(Kind);
        Time = new ManualTime();
        Store = await OpenAsync();
    }

    [TearDown]
    public async Task CloseStore()
    {
        await Store.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>Options with other bounds than the defaults.</summary>
    protected virtual StorageOptions Adjust(StorageOptions options) => options;

    protected async Task ReopenAsync()
    {
        await Store.DisposeAsync();
        Store = await OpenAsync();
    }

    protected StorageOptions Options() => Adjust(new StorageOptions
    {
        Url = Database.Url,
        DataDir = Database.Folder,
        ServerName = "example.org",
        Time = Time,
    });

    protected ValueTask<OpenedStorage> OpenAsync() => StorageEngine.OpenAsync(Options(), Stop);

    protected ValueTask<OpenedStorage> OpenAsync(IReadOnlyList<Migration> migrations) =>
        StorageEngine.OpenAsync(Options(), migrations, Stop);

    /// <summary>Writes changes and returns their position.</summary>
    protected async Task<long> Write(params Change[] changes)
    {
        var batch = Batches.New();
        foreach (var change in changes)
        {
            batch.Add(change);
        }

        var receipt = await Store.Writer.WriteAsync(batch, Stop);
        Assert.That(receipt.Refused, Is.False);
        return receipt.Position;
    }

    /// <summary>Writes a conditional change and returns whether it applied.</summary>
    protected async Task<bool> Applies(ConditionalChange change)
    {
        await Write(change);
        return change.Applied;
    }

    protected static StorageException Fails(Func<Task> act) => Assert.ThrowsAsync<StorageException>(act)!;
}
