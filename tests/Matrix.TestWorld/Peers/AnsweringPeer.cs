using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Matrix.TestWorld.Peers;

/// <summary>A request that a peer got.</summary>
/// <param name="Path">The path after `/_matrix/federation/`, decoded.</param>
/// <param name="Query">The query with its question mark; "" for none.</param>
public sealed record PeerRequest(string Method, string Path, JsonObject? Body, string Query = "");

/// <summary>A peer at the address of its name, over TLS, whose responses a test writes.</summary>
public sealed class AnsweringPeer : IAsyncDisposable
{
    private const string Prefix = "/_matrix/federation/";

    private readonly TlsHost _host;
    private readonly ConcurrentQueue<PeerRequest> _requests = new();

    private AnsweringPeer(IPEndPoint at)
    {
        Peer = new Peer(at.ToString());
        _host = new TlsHost(at, Peer);
        _host.App.MapFallback("{*path}", AnswerAsync);
    }

    public Peer Peer { get; }

    /// <summary>The response to a request; null for an unknown endpoint.</summary>
    public Func<PeerRequest, (int Status, JsonNode Json)?> Answers { get; set; } = _ => null;

    /// <summary>Awaited before a request is answered.</summary>
    public Func<PeerRequest, Task> BeforeAnswer { get; set; } = _ => Task.CompletedTask;

    /// <summary>The requests to federation so far.</summary>
    public IReadOnlyList<PeerRequest> Requests => [.. _requests];

    public static async Task<AnsweringPeer> StartAsync()
    {
        var peer = new AnsweringPeer(Loopback.Next());
        await peer._host.App.StartAsync();
        return peer;
    }

    /// <summary>A standard error.</summary>
    public static (int Status, JsonNode Json) Error(int status, string code, string message = "The peer refuses.") =>
        (status, new JsonObject { ["errcode"] = code, ["error"] = message });

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = Uri.UnescapeDataString(http.Request.Path.Value ?? "");
        var body = http.Request.ContentLength > 0 || http.Request.Method == "PUT"
            ? (await JsonNode.ParseAsync(http.Request.Body))?.AsObject()
            : null;
        path = path.StartsWith(Prefix) ? path[Prefix.Length..] : path;
        var request = new PeerRequest(http.Request.Method, path, body, http.Request.QueryString.Value ?? "");
        _requests.Enqueue(request);
        await BeforeAnswer(request);
        var (status, json) = Answers(request) ?? Error(404, "M_UNRECOGNIZED");
        await TlsHost.WriteAsync(http, status, json);
    }
}
