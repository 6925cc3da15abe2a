using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Federation.Tests.Soak;

/// <summary>
/// What clients see of a server, as a test makes it up. It has one room, and one of its users syncs.
/// </summary>
internal sealed class StubServer : ServerUnderTest
{
    private readonly WebApplication _app;
    private int _syncs;

    private StubServer(string name)
    {
        Name = name;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Map("/_matrix/client/v3/{**path}", AnswerAsync);
    }

    public override string Name { get; }

    public override Uri FederationAddress => throw new NotSupportedException();

    public override Uri ClientAddress => new(_app.Urls.First());

    /// <summary>The room's state: event ids by type and key.</summary>
    internal Dictionary<(string Type, string Key), string> State { get; } = [];

    /// <summary>The room's events.</summary>
    internal List<JsonObject> History { get; } = [];

    /// <summary>The room's joined users.</summary>
    internal List<string> Members { get; } = [];

    /// <summary>The rooms of each of its users.</summary>
    internal List<string> JoinedRooms { get; } = [];

    /// <summary>The devices of each user, by their ids.</summary>
    internal Dictionary<string, List<string>> Devices { get; } = [];

    /// <summary>The responses to the next syncs. Then nothing is new.</summary>
    internal ConcurrentQueue<JsonObject> Syncs { get; } = new();

    /// <summary>The syncs that were answered when there was nothing new.</summary>
    internal int IdleSyncs => Volatile.Read(ref _syncs);

    internal static async Task<StubServer> StartAsync(string name)
    {
        var server = new StubServer(name);
        await server._app.StartAsync();
        return server;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext http, string path)
    {
        var body = http.Request.Method == "POST"
            ? (await JsonNode.ParseAsync(http.Request.Body))!.AsObject()
            : [];
        JsonNode answer = path.Split('/') switch
        {
            ["register"] => Register((string)body["username"]!),
            ["sync"] => Sync(),
            ["keys", "query"] => Keys(body["device_keys"]!.AsObject().Single().Key),
            ["joined_rooms"] => new JsonObject
            {
                ["joined_rooms"] = new JsonArray([.. JoinedRooms.Select(each => JsonValue.Create(each))]),
            },
            ["rooms", _, "state"] => new JsonArray([.. State.Select(StateEvent)]),
            ["rooms", _, "messages"] => new JsonObject
            {
                ["chunk"] = new JsonArray([.. History.AsEnumerable().Reverse().Select(each => each.DeepClone())]),
            },
            ["rooms", _, "joined_members"] => new JsonObject
            {
                ["joined"] = new JsonObject(
                    Members.Select(each => KeyValuePair.Create(each, (JsonNode?)new JsonObject()))),
            },
            _ => throw new NotSupportedException(path),
        };
        await TlsHost.WriteAsync(http, 200, answer);
    }

    private JsonObject Register(string name) => new()
    {
        ["user_id"] = $"@{name}:{Name}",
        ["device_id"] = "PHONE",
        ["access_token"] = name,
    };

    private JsonObject Sync()
    {
        if (!Syncs.TryDequeue(out var sync))
        {
            Interlocked.Increment(ref _syncs);
            sync = [];
        }

        sync["next_batch"] = "next";
        return sync;
    }

    private JsonObject Keys(string userId) => new()
    {
        ["device_keys"] = new JsonObject
        {
            [userId] = new JsonObject(Devices[userId].Select(
                device => KeyValuePair.Create(device, (JsonNode?)new JsonObject()))),
        },
    };

    private static JsonNode StateEvent(KeyValuePair<(string Type, string Key), string> entry) => new JsonObject
    {
        ["type"] = entry.Key.Type,
        ["state_key"] = entry.Key.Key,
        ["event_id"] = entry.Value,
    };
}
