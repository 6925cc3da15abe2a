using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;
using Microsoft.Extensions.DependencyInjection;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.Host.Tests.Keys;

/// <summary>Key queries and claims at silent servers do not delay those of others.</summary>
internal sealed class SilentServersTests : IFederationClient
{
    private const int Places = 8;

    /// <summary>The requests to silent servers, of which several may be to one.</summary>
    private readonly ConcurrentQueue<string> _asked = new();
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _asked.Clear();
        _server = await TestServer.StartAsync(
            ("federation.key_requests", $"{Places}"), ("federation.key_request_time", "10m"));
        _server.Replaces = parts => parts.AddSingleton<IFederationClient>(this);
        await _server.RestartAsync();
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("keys/query")]
    [TestCase("keys/claim")]
    public async Task One_user_who_asks_a_hundred_silent_servers_leaves_places_for_others(string path)
    {
        var (alice, mallory) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("mallory"));
        var queries = Enumerable.Range(0, 3).Select(_ => mallory.PostAsync(
            path, Body(path, [.. Enumerable.Range(0, 100).Select(i => $"@a:silent{i}.test")]))).ToList();
        while (_asked.Count < Places / 4) await Task.Delay(10);
        await Task.Delay(100);
        Assert.That(_asked, Has.Count.EqualTo(Places / 4));

        var reply = await alice.PostAsync(path, Body(path, ["@bob:quick.test"])).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.That(reply.Is(200).Json["failures"]!.AsObject(), Is.Empty, reply.Text);
        Assert.That(queries.Select(query => query.IsCompleted), Is.All.False);
    }

    public async ValueTask<FederationResult<Matrix.Core.Json.JsonObject>> SendAsync(
        FederationRequest request, CancellationToken stop)
    {
        if (request.Destination == "quick.test")
        {
            var nothing = Json.Of(Matrix.Core.Json.JsonObject.Empty);
            return Matrix.Core.Json.JsonObject.OfSeq([("device_keys", nothing), ("one_time_keys", nothing)]);
        }

        _asked.Enqueue(request.Destination);
        await Task.Delay(Timeout.Infinite, stop);
        return default;
    }

    public ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop) => throw new NotSupportedException();

    public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
        throw new NotSupportedException();

    private static JsonObject Body(string path, string[] users)
    {
        var isQuery = path == "keys/query";
        var wanted = new JsonObject();
        foreach (var user in users)
        {
            wanted[user] = isQuery ? new JsonArray() : new JsonObject { ["DEVICE"] = "signed_curve25519" };
        }

        return new JsonObject { [isQuery ? "device_keys" : "one_time_keys"] = wanted, ["timeout"] = 600_000 };
    }
}
