using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A server process that ends loses no event for other servers.</summary>
public abstract class RestartTests : RestartedServerTests
{
    private string _roomId = "";

    private protected override (string Variable, string Value)[] Settings =>
        [("MATRIX_FEDERATION__OUTBOUND_RECORD_INTERVAL", "200ms")];

    [SetUp]
    public async Task JoinAsync()
    {
        _roomId = await Alice.CreateRoomAsync(RoomRules.Recommended);
        await PeerRoom.JoinAsync(Server, Other.Peer, _roomId, "bob");
    }

    [Test]
    public async Task What_was_not_sent_at_a_stop_is_sent_after_the_start()
    {
        await Other.DownAsync();
        var sent = await SayAsync(10);

        var (exitCode, took) = await Server.Process.StopAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        await Other.HasTakenAsync(10);
        await Task.Delay(300);

        Assert.That(exitCode, Is.Zero);
        Assert.That(took, Is.LessThan(TimeSpan.FromSeconds(20)));
        Assert.That(Other.Events, Is.EquivalentTo(sent));
    }

    [Test]
    public async Task A_stop_does_not_wait_for_a_silent_server()
    {
        var silence = new TaskCompletionSource();
        Other.Respond = async _ =>
        {
            await silence.Task;
            return null;
        };
        var sent = await SayAsync(3);
        await Until.HoldsAsync(() => Other.All.Count > 0);

        var (exitCode, took) = await Server.Process.StopAsync();
        silence.SetResult();
        await Server.Process.StartAsync();
        await Other.HasTakenAsync(3);

        // A request takes up to a minute.
        Assert.That((exitCode, took < TimeSpan.FromSeconds(20)), Is.EqualTo((0, true)));
        Assert.That(Other.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [TestCase(0)]
    [TestCase(700)]
    public async Task What_was_not_sent_at_a_kill_is_sent_after_the_start(int pauseMs)
    {
        await Other.DownAsync();
        var sent = (await SayAsync(10)).ToList();
        await Task.Delay(pauseMs);
        sent.AddRange(await SayAsync(2));

        await Server.Process.KillAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        sent.AddRange(await SayAsync(1));
        await Other.HasTakenAsync(13);
        await Task.Delay(300);

        Assert.That(Other.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [Test]
    public async Task A_server_that_was_removed_before_a_kill_gets_nothing_later()
    {
        await Other.DownAsync();
        var sent = (await SayAsync(1)).ToList();
        var path = $"rooms/{Uri.EscapeDataString(_roomId)}/kick";
        (await Alice.PostAsync(path, new() { ["user_id"] = $"@bob:{Other.Peer.Name}" })).Is(200);
        await SayAsync(1);

        await Server.Process.KillAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        await SayAsync(1);
        await Other.HasTakenAsync(2);
        await Task.Delay(300);

        Assert.That(Other.Events.Distinct().ToArray(), Has.Length.EqualTo(2).And.SupersetOf(sent));
    }

    [Test]
    public async Task A_server_that_is_excluded_for_a_while_gets_the_rest_later()
    {
        await Other.DownAsync();
        var sent = await SayAsync(2);
        await Server.Process.StopAsync();
        await Other.UpAsync();

        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = Other.Peer.Name;
        await Server.Process.StartAsync();
        await SayAsync(1);
        await Task.Delay(500);
        Assert.That(Other.All, Is.Empty);

        await Server.Process.StopAsync();
        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = "";
        await Server.Process.StartAsync();
        await Other.HasTakenAsync(2);

        Assert.That(Other.Events, Is.EquivalentTo(sent));
    }

    private async Task<IReadOnlyList<string>> SayAsync(int count)
    {
        var sent = new List<string>();
        for (var i = 1; i <= count; i++) sent.Add(await Alice.SayAsync(_roomId, $"message {i}"));
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
