using System.Net;
using System.Text.Json.Nodes;
using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Requests that reach a node which does not have the shard of what they are about.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class ForwardingTests
{
    private TestServer _server = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task StartAsync() =>
        _server = await TestServer.StartNodesAsync(3);

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Paths_reach_the_owner_as_the_client_sent_them()
    {
        var alice = await _server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        string[] keys = ["a/b", "a%2Fb", "a b", "ä🦊", "..", "%2e%2e", "?x=1#y"];
        foreach (var key in keys)
        {
            var path = $"rooms/{Uri.EscapeDataString(room)}/state/org.example/{Uri.EscapeDataString(key)}";
            foreach (var node in Others)
            {
                var there = new TestClient(node, alice.Token);
                var content = new JsonObject { ["at"] = node.ClientAddress.ToString() };
                var put = await there.SendAsync(
                    HttpMethod.Put,
                    path,
                    TestClient.Raw(content.ToJsonString()),
                    ("Origin", "https://app.example"));
                put.Is(200);
                Assert.That(put.Header("Access-Control-Allow-Origin"), Is.EqualTo("*"));
                foreach (var other in Others)
                {
                    var read = (await new TestClient(other, alice.Token).GetAsync(path)).Is(200);
                    Assert.That((string?)read.Json["at"], Is.EqualTo((string?)content["at"]), key);
                }
            }
        }
    }

    [Test]
    public async Task Bodies_reach_the_owner_whatever_their_size_and_form()
    {
        var alice = await _server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        var path = $"rooms/{Uri.EscapeDataString(room)}";
        foreach (var node in Others)
        {
            var there = new TestClient(node, alice.Token);
            var name = Others.ToList().IndexOf(node);
            foreach (var isChunked in new[] { false, true })
            {
                var content = TestClient.Raw("""{"msgtype":"m.text","body":"ä"}""");
                if (isChunked) content = new StreamContent(await content.ReadAsStreamAsync());
                var sent = await SendAsync(there, content, $"{name}{isChunked}", isChunked);
                var read = (await alice.GetAsync($"{path}/event/{sent}")).Is(200);
                Assert.That((string?)read.Json["content"]!["body"], Is.EqualTo("ä"));

                // The same transaction at another node is the same event.
                var other = new TestClient(Others.First(one => one != node), alice.Token);
                var again = TestClient.Raw("""{"msgtype":"m.text","body":"ä"}""");
                Assert.That(await SendAsync(other, again, $"{name}{isChunked}", isChunked: false), Is.EqualTo(sent));
                (await there.SendAsync(HttpMethod.Post, $"{path}/receipt/m.read/{sent}", body: null)).Is(200);
            }

            (await there.SendAsync(HttpMethod.Put, $"{path}/send/m.x/a", TestClient.Raw("{"))).Is(400, "M_NOT_JSON");
            (await there.SendAsync(HttpMethod.Put, $"{path}/send/m.x/b", body: null)).Is(400, "M_NOT_JSON");
            var large = new JsonObject { ["body"] = new string('x', 1 << 20) };
            (await there.PutAsync($"{path}/send/m.x/c", large)).Is(413, "M_TOO_LARGE");
        }

        async Task<string> SendAsync(TestClient client, HttpContent content, string transaction, bool isChunked)
        {
            if (isChunked) content.Headers.ContentLength = null;
            var sent = await client.SendAsync(HttpMethod.Put, $"{path}/send/m.room.message/{transaction}", content);
            return (string)sent.Is(200).Json["event_id"]!;
        }
    }

    [Test]
    public async Task Rates_hold_for_all_nodes_together()
    {
        await _server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.reports_per_second", "0.001"),
            ("rate_limits.reports_burst", "4"));
        var alice = await _server.RegistersAsync("alice");
        var reason = new JsonObject { ["reason"] = "x" };
        for (var n = 0; n < 4; n++)
        {
            (await new TestClient(Others[n % 2], alice.Token).PostAsync("rooms/!r:x/report", reason)).Is(200);
        }

        foreach (var node in Others)
        {
            Assert.That(
                async () => (await new TestClient(node, alice.Token).PostAsync("rooms/!r:x/report", reason)).Status,
                Is.EqualTo(429).After(5000, 150));
        }
    }

    [Test]
    public async Task Nobody_without_a_certificate_of_the_nodes_is_served_where_nodes_forward()
    {
        var at = Others[0].Setting("cluster.requests");
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = static (_, _, _, _) => true,
        };
        using var client = new HttpClient(handler);

        Assert.That(
            async () => await client.GetAsync(new Uri($"https://{at}/health")),
            Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task What_a_client_claims_to_be_forwarded_counts_for_nothing()
    {
        var alice = await _server.RegistersAsync("alice");
        foreach (var node in Others)
        {
            var asked = await new TestClient(node, alice.Token).SendAsync(
                HttpMethod.Get,
                "/_synapse/admin/v1/cluster",
                body: null,
                ("X-Matrix-Node-Listener", "Control"),
                ("X-Matrix-Node-Address", "127.0.0.1"),
                ("X-Matrix-Node-Scheme", "http"),
                ("X-Matrix-Node-Position", "1"));
            asked.Is(403, "M_FORBIDDEN");
        }
    }

    [Test]
    public async Task A_node_that_leaves_gives_its_shards_and_goes_on_answering()
    {
        var alice = await _server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        var leaving = Others[0];
        var there = new TestClient(leaving, alice.Token);
        using var http = new HttpClient();
        var ready = new Uri(leaving.ClientAddress, "/health/ready");
        Assert.That((await http.GetAsync(ready)).StatusCode, Is.EqualTo(HttpStatusCode.OK));

        await leaving.Services.GetRequiredService<Api.Admin.Server.IClusterControl>().DrainAsync(Stop);

        var gates = leaving.Services.GetRequiredService<ShardGates>();
        await Until.HoldsAsync(() => !ShardGates.All.Any(shard => gates.IsOpen(shard)));
        Assert.That((await http.GetAsync(ready)).StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        for (var n = 0; n < 10; n++)
        {
            var path = $"rooms/{Uri.EscapeDataString(room)}/send/m.room.message/leaving{n}";
            (await there.PutAsync(path, new JsonObject { ["msgtype"] = "m.text", ["body"] = $"{n}" })).Is(200);
        }
    }

    [Test]
    public async Task No_request_fails_while_shards_move()
    {
        var alice = await _server.RegistersAsync("alice");
        var rooms = new List<string>();
        for (var n = 0; n < 8; n++) rooms.Add(await alice.CreatesRoomAsync());
        var over = false;
        var sent = 0;
        var sending = rooms.ConvertAll(async room =>
        {
            for (var n = 0; !over; n++)
            {
                await alice.SaysAsync(room, $"{n}");
                Interlocked.Increment(ref sent);
            }
        });

        int[] shards = [.. rooms.Select(static room => Shards.OfRoom(room)), Shards.OfUser(alice.UserId)];
        var nodes = _server.Nodes.Select(static node => node.Services.GetRequiredService<NodeShards>()).ToList();
        for (var round = 0; round < 10; round++)
        {
            foreach (var node in nodes)
            {
                var to = nodes[(nodes.IndexOf(node) + 1) % nodes.Count];
                await node.GiveAsync(shards, to.Self, Stop);
            }
        }

        over = true;
        await Task.WhenAll(sending);
        Assert.That(sent, Is.GreaterThan(20));
    }

    /// <summary>Two of the nodes, each with its own address.</summary>
    private IReadOnlyList<TestServer> Others => [.. _server.Nodes.Skip(1)];
}
