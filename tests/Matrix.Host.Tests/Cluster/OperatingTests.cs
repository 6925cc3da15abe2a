using System.Diagnostics;
using System.Net;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Overview;
using Matrix.Host.Metrics;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>What operators see of several nodes.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class OperatingTests
{
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync() => _server = await TestServer.StartNodesAsync(2);

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Settings_that_differ_while_they_are_changed_one_node_after_the_other_are_shown_and_logged()
    {
        var (first, second) = (_server.Nodes[0], _server.Nodes[1]);
        await Until.HoldsAsync(() => StateOf(first, second)?.Version is not null);
        Assert.That(StateOf(first, second)!.Differing, Is.Empty);

        await second.StopAsync();
        await second.StartAgainAsync(("limits.headers", "99"), ("turn.password", "secret"));

        await Until.HoldsAsync(() => StateOf(first, second)?.Differing.Count == 2);
        Assert.That(StateOf(first, second)!.Differing, Is.EqualTo(new[] { "limits.headers", "turn.password" }));
        await Until.HoldsAsync(() => first.Log.Contains("limits.headers, turn.password", StringComparison.Ordinal));
        Assert.That(first.Log, Does.Not.Contain("secret"));
    }

    [Test]
    public async Task A_node_with_another_bucket_is_refused_with_the_name_of_the_setting()
    {
        var second = _server.Nodes[1];
        await second.StopAsync();

        var refused = Assert.CatchAsync(async () => await second.StartAgainAsync(
            ("media.s3_endpoint", "http://127.0.0.1:1"), ("media.s3_bucket", "other")))!;

        Assert.That(refused.Message, Does.Contain("media.s3_bucket").And.Contain("media.s3_endpoint"));
    }

    [Test]
    public async Task A_node_of_another_server_is_refused()
    {
        var second = _server.Nodes[1];
        await second.StopAsync();

        var refused = Assert.CatchAsync(async () => await second.StartAgainAsync(("server_name", "other.example")))!;

        Assert.That(refused.Message, Does.Contain("other.example").And.Contain(TestServer.ServerName));
    }

    [TestCase(2, HttpStatusCode.OK)]
    [TestCase(4, HttpStatusCode.ServiceUnavailable)]
    public async Task A_node_that_is_late_is_ready_until_it_refuses_requests(int seconds, HttpStatusCode expected)
    {
        var second = _server.Nodes[1];
        await second.StopAsync();
        second.Replaces = parts => parts.AddSingleton(
            new StorageLevel(() => Stopwatch.GetTimestamp() - (seconds * Stopwatch.Frequency)));
        await second.StartAgainAsync();
        await Until.HoldsAsync(() => StateOf(second, second)?.State == "ready");
        using var http = new HttpClient();

        var answer = await http.GetAsync(new Uri(second.ClientAddress, "/health/ready"));

        Assert.That(answer.StatusCode, Is.EqualTo(expected));
    }

    [Test]
    public async Task The_administration_api_shows_each_node()
    {
        await Until.HoldsAsync(() => StateOf(_server.Nodes[0], _server.Nodes[1]) is { Version: not null });

        var (status, json) = await _server.Nodes[0].OperatorAsync(HttpMethod.Get, "cluster");

        Assert.That(status, Is.EqualTo(200));
        var nodes = json["nodes"]!.AsArray();
        Assert.That(nodes.Select(static node => (string?)node!["node"]), Is.EqualTo(new[] { "node0", "node1" }));
        Assert.That(nodes.Sum(static node => (int)node!["shards"]!), Is.EqualTo(512));
        foreach (var node in nodes)
        {
            Assert.That((string?)node!["state"], Is.EqualTo("ready"));
            Assert.That((string?)node["version"], Is.Not.Empty);
            Assert.That((string?)node["settings_differ"], Is.Empty);
            Assert.That(node.AsObject().ContainsKey("clock_ms"), Is.True);
        }
    }

    [Test]
    public async Task The_page_of_administrators_shows_each_node_and_nothing_of_a_server_by_itself()
    {
        var second = _server.Nodes[1];
        await second.StopAsync();
        await second.StartAgainAsync(("limits.headers", "99"));
        await Until.HoldsAsync(() => StateOf(_server.Nodes[0], second)?.Differing.Count == 1);

        var page = NodesPanel.Of(_server.Nodes[0].Services.GetRequiredService<IClusterControl>()).ToString();

        Assert.That(page, Does.Contain("node0").And.Contain("node1").And.Contain("limits.headers"));
        Assert.That(page, Does.Contain("this one").And.Contain("ready"));
        Assert.That(NodesPanel.Of(null).ToString(), Is.Empty);
    }

    [Test]
    public async Task Metrics_show_the_part_of_a_node()
    {
        var alice = await _server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        foreach (var node in _server.Nodes)
        {
            // To one of them it does not belong.
            var path = $"rooms/{Uri.EscapeDataString(room)}/state/org.example/";
            (await new TestClient(node, alice.Token).PutAsync(path)).Is(200);
        }

        var page = PageOf(_server.Nodes[0]);
        string[] names =
        [
            "matrix_cluster_nodes 2", "matrix_cluster_ready 1", "matrix_cluster_shards ",
            "matrix_cluster_shards_without_node 0", "matrix_cluster_positions_behind ",
            "matrix_cluster_clock_ahead_seconds ", "matrix_cluster_flushes_total{outcome=\"told\"}",
            "matrix_cluster_takeovers_total ",
        ];
        foreach (var name in names) Assert.That(page, Does.Contain("\n" + name));

        // By the node that does not have the room, and counted after the client has its answer.
        await Until.HoldsAsync(() => _server.Nodes.Any(static node => PageOf(node).Contains(
            "\nmatrix_cluster_forwarded_requests_total{outcome=\"answered\"}", StringComparison.Ordinal)));
    }

    private static string PageOf(TestServer node) => node.Services.GetRequiredService<MetricsPage>().Write();

    private static NodeState? StateOf(TestServer asked, TestServer node) =>
        asked.Services.GetRequiredService<IClusterControl>().Nodes
            .FirstOrDefault(state => state.Name == node.Setting("cluster.node"));
}
