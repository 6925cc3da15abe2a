using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Matrix.TestWorld.Peers;

/// <summary>A peer that publishes its keys over TLS at the address of its name.</summary>
public sealed class PeerServer : IAsyncDisposable
{
    private readonly TlsHost _host;
    private int _fails;

    private PeerServer(IPEndPoint at)
    {
        Peer = new Peer(at.ToString());
        _host = new TlsHost(at, Peer);
        MapHistory();
        MapMedia();
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

    /// <summary>Whether it returns the deepest events of history first, as servers do; otherwise the nearest.</summary>
    public bool BackfillsByDepth { get; set; }

    /// <summary>Whether it leaves out the events that a request for history names, as some servers do.</summary>
    public bool LeavesNamedOut { get; set; }

    /// <summary>Whether it answers a request for history before these events; otherwise the request fails.</summary>
    public Predicate<IReadOnlyList<string>> Backfills { get; set; } = static _ => true;

    /// <summary>The most events that it returns to a request for history.</summary>
    public int MostBackfilled { get; set; } = 100;

    /// <summary>Events that it returns to each request for history, whether or not they belong there.</summary>
    public IReadOnlyList<Pdu> AlsoBackfilled { get; set; } = [];

    /// <summary>The event that it names for any time; null for the closest.</summary>
    public Pdu? Closest { get; set; }

    /// <summary>Whether it answers requests for single events; otherwise it has none.</summary>
    public bool HasEvents { get; set; } = true;

    /// <summary>
    /// What answers requests for media: the second part of the URI. The paths are in <see cref="Requests"/>.
    /// </summary>
    public Func<HttpContext, string, Task> Media { get; set; } =
        static (http, _) => TlsHost.WriteAsync(http, 404, new JsonObject { ["errcode"] = "M_NOT_FOUND" });

    /// <summary>The number of requests for its keys.</summary>
    public int KeyRequests => _host.KeyRequests;

    public static async Task<PeerServer> StartAsync()
    {
        var server = new PeerServer(Loopback.Next());
        await server._host.App.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    private void MapMedia()
    {
        _host.App.MapGet(
            "/_matrix/federation/v1/media/download/{mediaId}",
            (HttpContext http, string mediaId) => AnswerAsync(http, mediaId));
        _host.App.MapGet(
            "/_matrix/media/v3/download/{serverName}/{mediaId}",
            (HttpContext http, string mediaId) => AnswerAsync(http, mediaId));

        async Task AnswerAsync(HttpContext http, string mediaId)
        {
            Requests.Enqueue(http.Request.Path + http.Request.QueryString);
            await Held.WaitAsync(http.RequestAborted);
            await Media(http, mediaId);
        }
    }

    private void MapHistory()
    {
        const string V1 = "/_matrix/federation/v1/";
        _host.App.MapGet(V1 + "event/{eventId}", (HttpContext http, string eventId) => ReplyAsync(
            http,
            () => HasEvents && Rooms.Values.FirstOrDefault(room => room.Events.ContainsKey(eventId)) is { } room
                ? room.Transaction([PeerRoom.Json(room.Events[eventId])])
                : null));
        _host.App.MapGet(V1 + "state_ids/{roomId}", (HttpContext http, string roomId) => ReplyAsync(http, () =>
        {
            var room = Rooms[roomId];
            var eventId = http.Request.Query["event_id"].ToString();
            if (!room.HasStateBefore(eventId)) return null;
            var state = room.StateBefore(eventId);
            return new JsonObject
            {
                ["pdu_ids"] = Ids(state),
                ["auth_chain_ids"] = Ids(room.AuthChainOf(state)),
            };
        }));
        _host.App.MapGet(V1 + "state/{roomId}", (HttpContext http, string roomId) => ReplyAsync(http, () =>
        {
            var room = Rooms[roomId];
            var eventId = http.Request.Query["event_id"].ToString();
            if (!room.HasStateBefore(eventId)) return null;
            var state = room.StateBefore(eventId);
            return new JsonObject { ["pdus"] = Whole(state), ["auth_chain"] = Whole(room.AuthChainOf(state)) };
        }));
        _host.App.MapGet(
            V1 + "event_auth/{roomId}/{eventId}",
            (HttpContext http, string roomId, string eventId) => ReplyAsync(
                http,
                () => new JsonObject
                {
                    ["auth_chain"] = Whole(Rooms[roomId].AuthChainOf([Rooms[roomId].Events[eventId]])),
                }));
        _host.App.MapGet(V1 + "backfill/{roomId}", (HttpContext http, string roomId) => ReplyAsync(
            http,
            () =>
            {
                string[] from = [.. http.Request.Query["v"].OfType<string>()];
                if (!Backfills(from)) throw new InvalidOperationException("This request fails.");
                var limit = int.Parse(http.Request.Query["limit"].ToString(), CultureInfo.InvariantCulture);
                return Rooms[roomId].Transaction(Backfill(Rooms[roomId], from, limit).Select(PeerRoom.Json));
            }));
        _host.App.MapGet(V1 + "timestamp_to_event/{roomId}", (HttpContext http, string roomId) => ReplyAsync(
            http,
            () => ClosestTo(
                Rooms[roomId],
                long.Parse(http.Request.Query["ts"].ToString(), CultureInfo.InvariantCulture),
                http.Request.Query["dir"] == "f")));
        _host.App.MapPost(V1 + "get_missing_events/{roomId}", async (HttpContext http, string roomId) =>
        {
            var body = (await JsonNode.ParseAsync(http.Request.Body))!;
            await ReplyAsync(http, () => new JsonObject { ["events"] = Whole(Missing(Rooms[roomId], body)) });
        });
    }

    /// <summary>Events and those before them that the peer knows, by breadth or by depth.</summary>
    private List<Pdu> Backfill(PeerRoom room, IReadOnlyList<string> from, int limit)
    {
        var found = new List<Pdu>();
        var next = new PriorityQueue<string, long>(from.Select(id => (id, PlaceOf(id))));
        while (found.Count < Math.Min(limit, MostBackfilled) && next.TryDequeue(out var id, out _))
        {
            if (!room.Events.TryGetValue(id, out var pdu) || found.Contains(pdu)) continue;
            found.Add(pdu);
            foreach (var previous in pdu.PrevEvents) next.Enqueue(previous, PlaceOf(previous));
        }

        long PlaceOf(string id) =>
            BackfillsByDepth && room.Events.TryGetValue(id, out var pdu) ? -pdu.Depth : found.Count;

        return [.. AlsoBackfilled, .. found.Where(pdu => !LeavesNamedOut || !from.Contains(pdu.EventId))];
    }

    private JsonObject? ClosestTo(PeerRoom room, long time, bool forwards) => Closest is { } told
        ? new JsonObject { ["event_id"] = told.EventId, ["origin_server_ts"] = time }
        : room.Events.Values
            .Where(pdu => forwards ? pdu.OriginServerTs >= time : pdu.OriginServerTs <= time)
            .OrderBy(pdu => Math.Abs(pdu.OriginServerTs - time))
            .Select(pdu => new JsonObject
            {
                ["event_id"] = pdu.EventId,
                ["origin_server_ts"] = pdu.OriginServerTs,
            })
            .FirstOrDefault();

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
        await TlsHost.WriteAsync(
            http, json is null ? 404 : 200, json ?? new JsonObject { ["errcode"] = "M_NOT_FOUND" });
    }

    private static JsonArray Ids(IEnumerable<Pdu> events) => new([.. events.Select(pdu => (JsonNode)pdu.EventId)]);

    private static JsonArray Whole(IEnumerable<Pdu> events) =>
        new([.. events.Select(pdu => (JsonNode)PeerRoom.Json(pdu))]);
}
