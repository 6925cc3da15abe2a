using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;
using NUnit.Framework.Interfaces;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A server process that ends loses no event for other servers.</summary>
public abstract class RestartTests
{
    private ServerProcess? _started;
    private ReceivingPeer _peer = null!;
    private LocalUser _alice = null!;
    private string _roomId = "";
    private int _users;

    /// <summary>One for all tests of a fixture, because each start costs seconds.</summary>
    private ServerProcess Server => _started!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _started ??= await ServerProcess.StartAsync(
            NewDatabase(),
            ("MATRIX_FEDERATION__OUTBOUND_FIRST_PAUSE", "50ms"),
            ("MATRIX_FEDERATION__OUTBOUND_LONGEST_PAUSE", "500ms"),
            ("MATRIX_FEDERATION__OUTBOUND_RECORD_INTERVAL", "200ms"));
        _peer = await ReceivingPeer.StartAsync();
        _alice = await LocalUser.RegisterAsync(Server, $"alice{++_users}");
        _roomId = await _alice.CreateRoomAsync(RoomRules.Recommended);
        await PeerRoom.JoinAsync(Server, _peer.Peer, _roomId, "bob");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _peer.DisposeAsync();
        // A test that failed may have left its server stopped.
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed) await StopAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _started, null) is { } server) await server.DisposeAsync();
    }

    [Test]
    public async Task What_was_not_sent_at_a_stop_is_sent_after_the_start()
    {
        await _peer.DownAsync();
        var sent = await SayAsync(10);

        var (exitCode, took) = await Server.Process.StopAsync();
        await _peer.UpAsync();
        await Server.Process.StartAsync();
        await _peer.HasTakenAsync(10);
        await Task.Delay(300);

        Assert.That(exitCode, Is.Zero);
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(20)));
        Assert.That(_peer.Events, Is.EquivalentTo(sent));
    }

    [Test]
    public async Task A_stop_does_not_wait_for_a_silent_server()
    {
        var silence = new TaskCompletionSource();
        _peer.Respond = async _ =>
        {
            await silence.Task;
            return null;
        };
        var sent = await SayAsync(3);
        await Until.HoldsAsync(() => _peer.All.Count > 0);

        var (exitCode, took) = await Server.Process.StopAsync();
        silence.SetResult();
        await Server.Process.StartAsync();
        await _peer.HasTakenAsync(3);

        // A request takes up to a minute.
        Assert.That((exitCode, took < TimeSpan.FromSeconds(20)), Is.EqualTo((0, true)));
        Assert.That(_peer.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [TestCase(0)]
    [TestCase(700)]
    public async Task What_was_not_sent_at_a_kill_is_sent_after_the_start(int pauseMs)
    {
        await _peer.DownAsync();
        var sent = (await SayAsync(10)).ToList();
        await Task.Delay(pauseMs);
        sent.AddRange(await SayAsync(2));

        await Server.Process.KillAsync();
        await _peer.UpAsync();
        await Server.Process.StartAsync();
        sent.AddRange(await SayAsync(1));
        await _peer.HasTakenAsync(13);
        await Task.Delay(300);

        Assert.That(_peer.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [Test]
    public async Task A_server_that_was_removed_before_a_kill_gets_nothing_later()
    {
        await _peer.DownAsync();
        var sent = (await SayAsync(1)).ToList();
        var path = $"rooms/{Uri.EscapeDataString(_roomId)}/kick";
        (await _alice.PostAsync(path, new() { ["user_id"] = $"@bob:{_peer.Peer.Name}" })).Is(200);
        await SayAsync(1);

        await Server.Process.KillAsync();
        await _peer.UpAsync();
        await Server.Process.StartAsync();
        await SayAsync(1);
        await _peer.HasTakenAsync(2);
        await Task.Delay(300);

        Assert.That(_peer.Events.Distinct().ToArray(), Has.Length.EqualTo(2).And.SupersetOf(sent));
    }

    [Test]
    public async Task A_server_that_is_excluded_for_a_while_gets_the_rest_later()
    {
        await _peer.DownAsync();
        var sent = await SayAsync(2);
        await Server.Process.StopAsync();
        await _peer.UpAsync();

        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = _peer.Peer.Name;
        await Server.Process.StartAsync();
        await SayAsync(1);
        await Task.Delay(500);
        Assert.That(_peer.All, Is.Empty);

        await Server.Process.StopAsync();
        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = "";
        await Server.Process.StartAsync();
        await _peer.HasTakenAsync(2);

        Assert.That(_peer.Events, Is.EquivalentTo(sent));
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();

    private async Task<IReadOnlyList<string>> SayAsync(int count)
    {
        var sent = new List<string>();
        for (var i = 1; i <= count; i++) sent.Add(await _alice.SayAsync(_roomId, $"message {i}"));
        return sent;
    }
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteRestartTests : RestartTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresRestartTests : RestartTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);
    private int _databases;

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"outbound{++_databases}");
}
