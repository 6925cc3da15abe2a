using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Configuration;
using Matrix.Host.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Matrix.Federation.Tests.Support;

/// <summary>A peer that publishes its keys over TLS at the address of its name.</summary>
public sealed class PeerServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _keyRequests;
    private int _fails;

    private PeerServer(IPEndPoint at)
    {
        Peer = new Peer(at.ToString());
        var (certificate, key) = TestCa.Shared.Issue(at.Address.ToString());
        var tls = TlsCertificate.Load(new TlsFiles(certificate, key));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var handshake = new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.Options) };
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(
            kestrel => kestrel.Listen(at, listen => listen.UseHttps(handshake)));
        _app = builder.Build();
        MapHistory();
        _app.MapGet("/_matrix/key/v2/server", (HttpContext http) =>
        {
            Interlocked.Increment(ref _keyRequests);
            http.Response.ContentType = "application/json";
            return http.Response.WriteAsync(Peer.KeyResponse().ToJsonString());
        });
    }

    public Peer Peer { get; }

    /// <summary>The rooms whose events it serves.</summary>
    public ConcurrentDictionary<string, PeerRoom> Rooms { get; } = new();

    /// <summary>The targets of the requests for events, states and history that it got.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Whether it answers such requests; otherwise it has nothing.</summary>
    public bool Answers { get; set; } = true;

    /// <summary>The number of such requests that it still answers with 500.</summary>
    public int Fails
    {
        get => Volatile.Read(ref _fails);
        set => Volatile.Write(ref _fails, value);
    }

    /// <summary>Requests wait until it is completed.</summary>
    public Task Held { get; set; } = Task.CompletedTask;

    /// <summary>Whether it answers requests for events between two; otherwise it has none.</summary>
    public bool HasMissing { get; set; } = true;

    /// <summary>The most events that it returns to a request for history.</summary>
    public int MostBackfilled { get; set; } = 100;

    /// <summary>Whether it answers requests for single events; otherwise it has none.</summary>
    public bool HasEvents { get; set; } = true;

    /// <summary>The number of requests for its keys.</summary>
    public int KeyRequests => Volatile.Read(ref _keyRequests);

    public static async Task<PeerServer> StartAsync()
    {
        var server = new PeerServer(Loopback.Next());
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private void MapHistory()
    {
        const string V1 = "/_matrix/federation/v1/";
        _app.MapGet(V1 + "event/{eventId}", (HttpContext http, string eventId) => ReplyAsync(
            http,
            () => HasEvents && Rooms.Values.FirstOrDefault(room => room.Events.ContainsKey(eventId)) is { } room
                ? room.Transaction([PeerRoom.Json(room.Events[eventId])])
                : null));
        _app.MapGet(V1 + "state_ids/{roomId}", (HttpContext http, string roomId) => ReplyAsync(http, () =>
        {
            var room = Rooms[roomId];
            var state = room.StateBefore(http.Request.Query["event_id"].ToString());
            return new JsonObject
            {
                ["pdu_ids"] = Ids(state),
                ["auth_chain_ids"] = Ids(room.AuthChainOf(state)),
            };
        }));
        _app.MapGet(V1 + "state/{roomId}", (HttpContext http, string roomId) => ReplyAsync(http, () =>
        {
            var room = Rooms[roomId];
            var state = room.StateBefore(http.Request.Query["event_id"].ToString());
            return new JsonObject { ["pdus"] = Whole(state), ["auth_chain"] = Whole(room.AuthChainOf(state)) };
        }));
        _app.MapGet(
            V1 + "event_auth/{roomId}/{eventId}",
            (HttpContext http, string roomId, string eventId) => ReplyAsync(
                http,
                () => new JsonObject
                {
                    ["auth_chain"] = Whole(Rooms[roomId].AuthChainOf([Rooms[roomId].Events[eventId]])),
                }));
        _app.MapGet(V1 + "backfill/{roomId}", (HttpContext http, string roomId) => ReplyAsync(
            http,
            () => Rooms[roomId].Transaction(Backfill(
                Rooms[roomId],
                [.. http.Request.Query["v"].OfType<string>()],
                int.Parse(http.Request.Query["limit"].ToString(), CultureInfo.InvariantCulture))
                .Select(PeerRoom.Json))));
        _app.MapPost(V1 + "get_missing_events/{roomId}", async (HttpContext http, string roomId) =>
        {
            var body = (await JsonNode.ParseAsync(http.Request.Body))!;
            await ReplyAsync(http, () => new JsonObject { ["events"] = Whole(Missing(Rooms[roomId], body)) });
        });
    }

    /// <summary>Events and those before them that the peer knows, by breadth.</summary>
    private List<Pdu> Backfill(PeerRoom room, IReadOnlyList<string> from, int limit)
    {
        var found = new List<Pdu>();
        var next = new Queue<string>(from);
        while (found.Count < Math.Min(limit, MostBackfilled) && next.TryDequeue(out var id))
        {
            if (!room.Events.TryGetValue(id, out var pdu) || found.Contains(pdu)) continue;
            found.Add(pdu);
            foreach (var previous in pdu.PrevEvents) next.Enqueue(previous);
        }

        return found;
    }

    private List<Pdu> Missing(PeerRoom room, JsonNode body)
    {
        if (!HasMissing) return [];
        var earliest = body["earliest_events"]!.AsArray().Select(id => (string)id!).ToHashSet();
        var found = new List<Pdu>();
        var next = new Queue<string>(body["latest_events"]!.AsArray()
            .SelectMany(id => room.Events[(string)id!].PrevEvents));
        while (found.Count < (int)body["limit"]! && next.TryDequeue(out var id))
        {
            if (earliest.Contains(id) || found.Exists(pdu => pdu.EventId == id)) continue;
            if (!room.Events.TryGetValue(id, out var pdu)) continue;
            found.Add(pdu);
            foreach (var previous in pdu.PrevEvents) next.Enqueue(previous);
        }

        found.Reverse();
        return found;
    }

    private async Task ReplyAsync(HttpContext http, Func<JsonObject?> body)
    {
        Requests.Enqueue(http.Request.Path);
        await Held.WaitAsync(http.RequestAborted);
        if (Interlocked.Decrement(ref _fails) >= 0)
        {
            http.Response.StatusCode = 500;
            return;
        }

        Fails = 0;
        var json = Answers ? body() : null;
        http.Response.StatusCode = json is null ? 404 : 200;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync((json ?? new JsonObject { ["errcode"] = "M_NOT_FOUND" }).ToJsonString());
    }

    private static JsonArray Ids(IEnumerable<Pdu> events) => new([.. events.Select(pdu => (JsonNode)pdu.EventId)]);

    private static JsonArray Whole(IEnumerable<Pdu> events) =>
        new([.. events.Select(pdu => (JsonNode)PeerRoom.Json(pdu))]);
}
