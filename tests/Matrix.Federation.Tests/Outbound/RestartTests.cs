using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A server process that ends loses no event for other servers.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class RestartTests(string databaseKind) : RestartedServerTests(databaseKind)
{
    private string _roomId = "";

    private protected override (string Variable, string Value)[] Settings =>
        [("federation.outbound_record_interval", "200ms")];

    [SetUp]
    public async Task JoinAsync()
    {
        _roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await Other.Peer.JoinsAsync(Server, _roomId, "bob");
    }

    [Test]
    public async Task What_was_not_sent_at_a_stop_is_sent_after_the_start()
    {
        await Other.DownAsync();
        var sent = await SaysAsync(10);

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
        var sent = await SaysAsync(3);
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
        var sent = (await SaysAsync(10)).ToList();
        await Task.Delay(pauseMs);
        sent.AddRange(await SaysAsync(2));

        await Server.Process.KillAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        sent.AddRange(await SaysAsync(1));
        await Other.HasTakenAsync(13);
        await Task.Delay(300);

        Assert.That(Other.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [Test]
    public async Task A_server_that_was_removed_before_a_kill_gets_nothing_later()
    {
        await Other.DownAsync();
        var sent = (await SaysAsync(1)).ToList();
        var path = $"rooms/{Uri.EscapeDataString(_roomId)}/kick";
        (await Alice.PostAsync(path, new JsonObject { ["user_id"] = $"@bob:{Other.Peer.Name}" })).Is(200);
        await SaysAsync(1);

        await Server.Process.KillAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        await SaysAsync(1);
        await Other.HasTakenAsync(2);
        await Task.Delay(300);

        Assert.That(Other.Events.Distinct().ToArray(), Has.Length.EqualTo(2).And.SupersetOf(sent));
    }

    [Test]
    public async Task A_server_that_is_excluded_for_a_while_gets_the_rest_later()
    {
        await Other.DownAsync();
        var sent = await SaysAsync(2);
        await Server.Process.StopAsync();
        await Other.UpAsync();

        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = Other.Peer.Name;
        await Server.Process.StartAsync();
        await SaysAsync(1);
        await Task.Delay(500);
        Assert.That(Other.All, Is.Empty);

        await Server.Process.StopAsync();
        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = "";
        await Server.Process.StartAsync();
        await Other.HasTakenAsync(2);

        Assert.That(Other.Events, Is.EquivalentTo(sent));
    }

    private async Task<IReadOnlyList<string>> SaysAsync(int count)
    {
        var sent = new List<string>();
        for (var i = 1; i <= count; i++) sent.Add(await Alice.SaysAsync(_roomId, $"message {i}"));
        return sent;
    }
}
