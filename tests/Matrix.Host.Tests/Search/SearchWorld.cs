using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Search;

/// <summary>A server on one kind of database, and what users do to be found there.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal abstract class SearchWorld(string kind)
{
    private TestDatabase _database = null!;
    private int _txn;

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Bob { get; private set; } = null!;

    /// <summary>Settings of the server, such as `search.rare_hits`.</summary>
    protected virtual (string Key, string Value)[] Settings => [];

    [SetUp]
    public async Task Starts()
    {
        _database = await TestDatabase.CreateAsync(kind);
        Server = await TestServer.StartAsync([("database.url", _database.Url), .. Settings]);
        Alice = await Server.RegistersAsync("alice");
        Bob = await Server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task Ends()
    {
        await Server.DisposeAsync();
        await _database.DisposeAsync();
    }

    protected static async Task<string> CreatesAsync(TestUser user, JsonObject? body = null) =>
        (await user.PostAsync("createRoom", body ?? new JsonObject { ["preset"] = "public_chat" }))
        .Is(200).Member("room_id");

    protected static async Task JoinsAsync(TestUser user, string room) =>
        (await user.PostAsync($"rooms/{room}/join")).Is(200);

    protected Task<string> SaysAsync(TestUser user, string room, string text) =>
        SendsAsync(user, room, new JsonObject { ["msgtype"] = "m.text", ["body"] = text });

    protected Task<string> EditsAsync(TestUser user, string room, string eventId, string text) =>
        SendsAsync(user, room, new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = "* " + text,
            ["m.new_content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = text },
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.replace", ["event_id"] = eventId },
        });

    protected async Task<string> SendsAsync(TestUser user, string room, JsonObject content) =>
        (await user.PutAsync($"rooms/{room}/send/m.room.message/{Interlocked.Increment(ref _txn)}", content))
            .Is(200).Member("event_id");

    protected async Task RedactsAsync(TestUser user, string room, string eventId) =>
        (await user.PutAsync($"rooms/{room}/redact/{eventId}/{Interlocked.Increment(ref _txn)}")).Is(200);

    /// <summary>The category `room_events` of the response.</summary>
    protected static async Task<JsonObject> SearchAsync(
        TestUser user, string term, string? from = null, Action<JsonObject>? more = null)
    {
        var criteria = new JsonObject { ["search_term"] = term };
        more?.Invoke(criteria);
        var reply = await user.PostAsync(
            from is null ? "search" : "search?next_batch=" + from,
            new JsonObject { ["search_categories"] = new JsonObject { ["room_events"] = criteria } });
        return reply.Is(200).Json["search_categories"]!["room_events"]!.AsObject();
    }

    protected static async Task<string[]> FindsAsync(TestUser user, string term, Action<JsonObject>? more = null) =>
        IdsIn(await SearchAsync(user, term, more: more));

    protected static string[] IdsIn(JsonObject found) =>
        [.. found["results"]!.AsArray().Select(hit => (string)hit!["result"]!["event_id"]!)];

    /// <summary>
    /// Waits until the clock shows another millisecond: events of two rooms that were sent in the same one have no
    /// order by time, and of two edits the one with the greater ID is the later.
    /// </summary>
    internal static async Task LaterAsync()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        while (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() <= now) await Task.Delay(1);
    }

    protected static void Recent(JsonObject criteria) => criteria["order_by"] = "recent";
}
