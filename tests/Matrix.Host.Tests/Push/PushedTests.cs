namespace Matrix.Host.Tests.Push;

/// <summary>The base: a push gateway, and alice and bob in a room of alice's. Bob's phone is pushed to.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal abstract class PushedTests(string databaseKind)
{
    private TestDatabase _database = null!;

    protected PushGateway Gateway { get; private set; } = null!;

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Bob { get; private set; } = null!;

    protected string Room { get; private set; } = null!;

    [SetUp]
    public async Task StartServer()
    {
        _database = await TestDatabase.CreateAsync(databaseKind);
        Gateway = await PushGateway.StartAsync();
        Server = await TestServer.StartAsync([("database.url", _database.Url), .. Gateway.Settings]);
        Alice = await Server.RegistersAsync("alice");
        Bob = await Server.RegistersAsync("bob");
        Room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(Room);
        await Gateway.SetAsync(Bob);
    }

    [TearDown]
    public async Task StopServer()
    {
        if (TestContext.CurrentContext.Result.FailCount > 0) TestContext.Out.WriteLine(Server.Log);
        await Server.DisposeAsync();
        await Gateway.DisposeAsync();
        await _database.DisposeAsync();
    }
}
