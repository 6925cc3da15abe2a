using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Outbound;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Edus;

/// <summary>A server process that ends loses no message to a device of another server, and doubles none.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class MessageRestartTests(string databaseKind) : RestartedServerTests(databaseKind)
{
    private string Bob => $"@bob:{Other.Peer.Name}";

    [TestCase(false)]
    [TestCase(true)]
    public async Task Messages_that_were_not_sent_are_sent_after_the_start(bool isKilled)
    {
        await SendAsync(1, 10);
        await HasAsync(10);

        // A message whose response is lost comes again.
        await Other.DownAfterResponsesAsync();
        await SendAsync(11, 20);

        if (isKilled) await Server.Process.KillAsync();
        else await Server.Process.StopAsync();
        await Other.UpAsync();
        await Server.Process.StartAsync();
        await HasAsync(30);
        await SendAsync(31, 1);
        await HasAsync(31);
        await Task.Delay(300);

        // What was taken before a kill may come again with its id.
        var messages = Messages().DistinctBy(edu => (string)edu["message_id"]!).ToArray();
        Assert.That(messages.Select(NumberOf), Is.EqualTo(Enumerable.Range(1, 31)));
        if (!isKilled) Assert.That(Messages(), Has.Count.EqualTo(31));
    }

    [Test]
    public async Task A_server_that_is_excluded_for_a_while_gets_its_messages_later()
    {
        await Other.DownAsync();
        await SendAsync(1, 2);
        await Server.Process.StopAsync();
        await Other.UpAsync();

        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = Other.Peer.Name;
        await Server.Process.StartAsync();
        await SendAsync(3, 1);
        await Task.Delay(500);
        Assert.That(Other.All, Is.Empty);

        await Server.Process.StopAsync();
        Server.Process.Settings["MATRIX_FEDERATION__DENY_SERVERS"] = "";
        await Server.Process.StartAsync();
        await SendAsync(4, 1);
        await HasAsync(3);

        Assert.That(Messages().Select(NumberOf), Is.EqualTo(new[] { 1, 2, 4 }));
    }

    [Test]
    public async Task A_message_that_came_before_a_kill_is_not_delivered_again_after_it()
    {
        var edu = new JsonObject
        {
            ["edu_type"] = "m.direct_to_device",
            ["content"] = new JsonObject
            {
                ["sender"] = Bob,
                ["type"] = "org.example.test",
                ["message_id"] = "once",
                ["messages"] = new JsonObject
                {
                    [Alice.UserId] = new JsonObject { ["*"] = new JsonObject { ["n"] = 1 } },
                },
            },
        };
        await ReceiveAsync("first", edu);
        await Server.Process.KillAsync();
        await Server.Process.StartAsync();

        await ReceiveAsync("first", edu);
        await ReceiveAsync("second", edu);

        Assert.That(await Alice.InboxAsync(), Has.Count.EqualTo(1));
    }

    private async Task ReceiveAsync(string transactionId, JsonObject edu) => (await Other.Peer.SendAsync(
        Server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = Other.Peer.Name,
            ["origin_server_ts"] = 1,
            ["pdus"] = new JsonArray(),
            ["edus"] = new JsonArray(edu.DeepClone()),
        })).Is(200);

    private async Task SendAsync(int first, int count)
    {
        foreach (var n in Enumerable.Range(first, count))
        {
            (await Alice.SendsToDeviceAsync(Bob, "PHONE", new JsonObject { ["n"] = n })).Is(200);
        }
    }

    private List<JsonObject> Messages() =>
        [.. Other.Taken.SelectMany(each => each.Body["edus"]!.AsArray()).Select(edu => edu!["content"]!.AsObject())];

    private int NumberOf(JsonObject content) => (int)content["messages"]![Bob]!["PHONE"]!["n"]!;

    private async Task HasAsync(int count)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (Messages().Select(NumberOf).Distinct().Count() < count && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(Messages().Select(NumberOf).Distinct().Count(), Is.EqualTo(count));
    }
}
