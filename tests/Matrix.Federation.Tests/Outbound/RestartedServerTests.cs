using Matrix.Federation.Tests.Support;
using NUnit.Framework.Interfaces;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>
/// A server process that tests stop, kill and start again. It is one for all tests of a fixture, because each start
/// costs seconds; a peer and a user are new for each.
/// </summary>
public abstract class RestartedServerTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private ServerProcess? _server;
    private ReceivingPeer? _other;
    private TestUser? _alice;
    private int _users;

    private protected ServerProcess Server => _server!;

    private protected ReceivingPeer Other => _other!;

    private protected TestUser Alice => _alice!;

    /// <summary>Settings beside those of short pauses.</summary>
    private protected virtual (string Variable, string Value)[] Settings => [];

    [SetUp]
    public async Task StartAsync()
    {
        _server ??= await ServerProcess.StartAsync(
            await NewDatabaseAsync(),
            [
                ("federation.outbound_first_pause", "50ms"),
                ("federation.outbound_longest_pause", "500ms"),
                .. Settings,
            ]);
        _other = await ReceivingPeer.StartAsync();
        _alice = await Server.RegistersAsync($"alice{++_users}");
    }

    [TearDown]
    public async Task EndAsync()
    {
        if (_other is not null) await _other.DisposeAsync();

        // A test that failed may have left its server stopped.
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed) await StopAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _server, null) is { } server) await server.DisposeAsync();
    }
}
