namespace Matrix.Host.Tests.Support;

/// <summary>What many tests begin with: a server of their own, and alice and bob, each on one device.</summary>
/// <param name="databaseKind">On which database.</param>
internal abstract class TwoUsersTests(string databaseKind = TestDatabase.Sqlite)
{
    private TestDatabase _database = null!;

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Bob { get; private set; } = null!;

    [SetUp]
    public async Task StartServer()
    {
        _database = await TestDatabase.CreateAsync(databaseKind);
        Server = await TestServer.StartAsync(("database.url", _database.Url));
        Alice = await Server.RegistersAsync("alice");
        Bob = await Server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopServer()
    {
        await Server.DisposeAsync();
        await _database.DisposeAsync();
    }
}
