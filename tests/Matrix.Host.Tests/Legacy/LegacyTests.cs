using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Alice has a client of 2014, and bob one of today.</summary>
internal abstract class LegacyTests(params (string Key, string Value)[] settings)
{
    protected const string Old = "/_matrix/client/api/v1/";

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Bob { get; private set; } = null!;

    [SetUp]
    public async Task StartServer()
    {
        Server = await TestServer.StartAsync([("compatibility.legacy_client_api", "true"), .. settings]);
        Alice = await Server.RegistersAsync("alice");
        Bob = await Server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopServer() => await Server.DisposeAsync();

    protected static string Esc(string text) => Uri.EscapeDataString(text);

    /// <summary>A room that alice's old client creates, and that bob has joined.</summary>
    protected async Task<string> MeetAsync()
    {
        var room = (await Alice.PostAsync(Old + "createRoom", new JsonObject { ["visibility"] = "public" }))
            .Is(200).Member("room_id");
        await Bob.JoinsAsync(room);
        return room;
    }

    protected async Task<string> OldSaysAsync(string room, string text) => (await Alice.PostAsync(
        $"{Old}rooms/{Esc(room)}/send/m.room.message",
        new JsonObject { ["msgtype"] = "m.text", ["body"] = text })).Is(200).Member("event_id");

    /// <summary>What alice's stream has after a token, until an event fulfils the condition.</summary>
    protected async Task<JsonNode> NewsAsync(string from, Func<JsonNode, bool> isWanted)
    {
        for (var i = 0; i < 50; i++)
        {
            var page = (await Alice.GetAsync($"{Old}events?from={from}&timeout=2000")).Is(200).Json;
            if (page["chunk"]!.AsArray().FirstOrDefault(each => isWanted(each!)) is { } found) return found;
            from = (string)page["end"]!;
        }

        throw new AssertionException("The stream never had the event.");
    }

    protected async Task<string> NowAsync() =>
        (await Alice.GetAsync(Old + "initialSync?limit=1")).Is(200).Member("end");
}
