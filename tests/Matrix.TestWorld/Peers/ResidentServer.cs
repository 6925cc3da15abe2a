using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Matrix.TestWorld.Peers;

/// <summary>
/// A peer that other servers join rooms through, over TLS: it publishes its keys, and serves its rooms and aliases.
/// Its rooms are of its own making.
/// </summary>
public sealed class ResidentServer : IAsyncDisposable
{
    private readonly TlsHost _host;
    private readonly ConcurrentDictionary<string, ResidentRoom> _rooms = new();
    private int _joins;
    private int _templates;

    private ResidentServer(IPEndPoint at)
    {
        Peer = new Peer(at.ToString());
        _host = new TlsHost(at, Peer);
        var routes = _host.App;
        const string v1 = "/_matrix/federation/v1/";
        const string v2 = "/_matrix/federation/v2/";
        routes.MapGet(v1 + "make_join/{roomId}/{userId}", MakeJoinAsync);
        routes.MapPut(v2 + "send_join/{roomId}/{eventId}", (HttpContext http, string roomId, string eventId) =>
            OnlyFirstVersion ? UnrecognizedAsync(http) : SendJoinAsync(http, roomId, eventId, inList: false));
        routes.MapPut(v1 + "send_join/{roomId}/{eventId}", (HttpContext http, string roomId, string eventId) =>
            SendJoinAsync(http, roomId, eventId, inList: true));
        routes.MapGet(v1 + "make_leave/{roomId}/{userId}", (HttpContext http, string roomId, string userId) =>
            TlsHost.WriteAsync(
                http, 200, _rooms[Uri.UnescapeDataString(roomId)].MakeLeave(Uri.UnescapeDataString(userId))));
        routes.MapPut(v2 + "send_leave/{roomId}/{eventId}", (HttpContext http, string roomId, string eventId) =>
            OnlyFirstVersion ? UnrecognizedAsync(http) : SendLeaveAsync(http, roomId, eventId, inList: false));
        routes.MapPut(v1 + "send_leave/{roomId}/{eventId}", (HttpContext http, string roomId, string eventId) =>
            SendLeaveAsync(http, roomId, eventId, inList: true));
        routes.MapGet(v1 + "query/directory", (HttpContext http) =>
            Aliases.TryGetValue(http.Request.Query["room_alias"].ToString(), out var room)
                ? TlsHost.WriteAsync(http, 200, new JsonObject
                {
                    ["room_id"] = room.RoomId,
                    ["servers"] = new JsonArray(Peer.Name),
                })
                : ErrorAsync(http, 404, "M_NOT_FOUND", "There is no such alias."));
        routes.MapGet(v1 + "hierarchy/{roomId}", (HttpContext http, string roomId) =>
            Hierarchy(Uri.UnescapeDataString(roomId)) is { } room
                ? TlsHost.WriteAsync(http, 200, new JsonObject
                {
                    ["room"] = room,
                    ["children"] = new JsonArray(),
                    ["inaccessible_children"] = new JsonArray(),
                })
                : ErrorAsync(http, 404, "M_NOT_FOUND", "There is no such room."));
        routes.MapFallback(UnrecognizedAsync);
    }

    public Peer Peer { get; }

    /// <summary>The number of requests for its keys.</summary>
    public int KeyRequests => _host.KeyRequests;

    /// <summary>The number of joins that it has accepted.</summary>
    public int Joins => Volatile.Read(ref _joins);

    /// <summary>The number of requests for a template of a join.</summary>
    public int JoinTemplates => Volatile.Read(ref _templates);

    /// <summary>Its aliases.</summary>
    public ConcurrentDictionary<string, ResidentRoom> Aliases { get; } = new();

    /// <summary>The `room` of a response to `hierarchy`, by the room's id; null for 404.</summary>
    public Func<string, JsonObject?> Hierarchy { get; set; } = static _ => null;

    /// <summary>Changes the response to `make_join`.</summary>
    public Action<JsonObject>? ChangesTemplate { get; set; }

    /// <summary>Changes the response to `send_join`.</summary>
    public Action<JsonObject>? ChangesRoom { get; set; }

    /// <summary>Awaited before a response to `make_join` is sent.</summary>
    public Func<Task>? BeforeTemplate { get; set; }

    /// <summary>Awaited before a response to `send_join` is sent.</summary>
    public Func<Task>? BeforeJoin { get; set; }

    /// <summary>Called when a response to `send_join` was sent.</summary>
    public Action? AfterJoin { get; set; }

    /// <summary>The error that it returns to `make_join`, if any: status, code and, if needed, room version.</summary>
    public (int Status, string Code, string? Version)? RefusesJoins { get; set; }

    /// <summary>Whether it signs the joins that it accepts.</summary>
    public bool SignsJoins { get; set; }

    /// <summary>Whether it knows only version 1 of `send_join` and `send_leave`.</summary>
    public bool OnlyFirstVersion { get; set; }

    public static async Task<ResidentServer> StartAsync()
    {
        var server = new ResidentServer(Loopback.Next());
        await server._host.App.StartAsync();
        return server;
    }

    /// <summary>Creates a room that it serves.</summary>
    public ResidentRoom CreatesRoom(string version, JsonObject? joinRules = null)
    {
        var room = new ResidentRoom(Peer, version, joinRules);
        _rooms[room.RoomId] = room;
        return room;
    }

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    private async Task MakeJoinAsync(HttpContext http, string roomId, string userId)
    {
        // Read first: a test that waits for the request changes it once the request is counted.
        var before = BeforeTemplate;
        Interlocked.Increment(ref _templates);
        if (before is not null) await before();
        if (RefusesJoins is var (status, code, version))
        {
            var error = new JsonObject { ["errcode"] = code, ["error"] = "The peer refuses." };
            if (version is not null) error["room_version"] = version;
            await TlsHost.WriteAsync(http, status, error);
            return;
        }

        if (!_rooms.TryGetValue(Uri.UnescapeDataString(roomId), out var room))
        {
            await ErrorAsync(http, 404, "M_NOT_FOUND", "The peer does not know the room.");
            return;
        }

        var template = room.MakeJoin(Uri.UnescapeDataString(userId));
        ChangesTemplate?.Invoke(template);
        await TlsHost.WriteAsync(http, 200, template);
    }

    private async Task SendJoinAsync(HttpContext http, string roomId, string eventId, bool inList)
    {
        var room = _rooms[Uri.UnescapeDataString(roomId)];
        var join = (await JsonNode.ParseAsync(http.Request.Body))!.AsObject();
        if (room.IdOf(join) != Uri.UnescapeDataString(eventId))
        {
            await ErrorAsync(http, 400, "M_INVALID_PARAM", "The event's id is not that of the path.");
            return;
        }

        var before = BeforeJoin;
        Interlocked.Increment(ref _joins);
        var response = room.SendJoin(join, SignsJoins);
        ChangesRoom?.Invoke(response);
        if (before is not null) await before();
        await TlsHost.WriteAsync(http, 200, inList ? new JsonArray(200, response) : response);
        AfterJoin?.Invoke();
    }

    private async Task SendLeaveAsync(HttpContext http, string roomId, string eventId, bool inList)
    {
        var room = _rooms[Uri.UnescapeDataString(roomId)];
        var leave = (await JsonNode.ParseAsync(http.Request.Body))!.AsObject();
        if (room.IdOf(leave) != Uri.UnescapeDataString(eventId))
        {
            await ErrorAsync(http, 400, "M_INVALID_PARAM", "The event's id is not that of the path.");
            return;
        }

        room.SendLeave(leave);
        await TlsHost.WriteAsync(http, 200, inList ? new JsonArray(200, new JsonObject()) : new JsonObject());
    }

    private static Task UnrecognizedAsync(HttpContext http) =>
        ErrorAsync(http, 404, "M_UNRECOGNIZED", "The peer does not know the endpoint.");

    private static Task ErrorAsync(HttpContext http, int status, string code, string message) =>
        TlsHost.WriteAsync(http, status, new JsonObject { ["errcode"] = code, ["error"] = message });
}
