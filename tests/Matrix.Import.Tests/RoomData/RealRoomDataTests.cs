using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.RoomData;

/// <summary>
/// What users of a real Synapse see of their rooms before and after: the folder that `MATRIX_IMPORT_ROOM_DATA` names
/// has `homeserver.db`, or `postgres` with a connection string, and `dump.json`: what Synapse answered to each user's
/// token.
/// </summary>
[Explicit("It needs the database of a Synapse.")]
internal sealed class RealRoomDataTests
{
    private static readonly string _folder = Environment.GetEnvironmentVariable("MATRIX_IMPORT_ROOM_DATA") ?? "";

    private readonly List<string> _differences = [];
    private readonly HashSet<string> _named = new(StringComparer.Ordinal);

    [SetUp]
    public void Forget()
    {
        _differences.Clear();
        _named.Clear();
    }

    [TestCase(TestDatabase.Sqlite)]
    [TestCase(TestDatabase.Postgres)]
    public async Task Users_see_their_rooms_as_before(string kind)
    {
        var dump = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "dump.json")))!;
        var users = dump["users"]!.AsObject();
        var name = users.First().Key.Split(':', 2)[1];
        await using var target = await TestDatabase.CreateAsync(kind, isNew: true);
        var url = kind == TestDatabase.Sqlite ? "sqlite:" + Path.Combine(target.Folder, "matrix.db") : target.Url;
        await ImportAsync(name, url, target.Folder);
        await using var server = await TestServer.StartAsync(("database.url", url), ("server_name", name));
        foreach (var (alias, room) in dump["alias"]!.AsObject())
        {
            var found = await server.Anyone.GetAsync($"directory/room/{Uri.EscapeDataString(alias)}");
            Compare(alias, (string?)room, (string?)found.Json["room_id"]);
        }

        foreach (var (userId, before) in users) await CompareAsync(server, dump, userId, before!);
        Assert.That(_differences, Is.Empty, string.Join('\n', _differences));
    }

    private async Task CompareAsync(TestServer server, JsonNode dump, string userId, JsonNode before)
    {
        var client = new TestClient(server, (string)before["token"]!);
        const string Filter =
            """{"room":{"timeline":{"unread_thread_notifications":true,"limit":100}}}""";
        var sync = (await client.GetAsync($"sync?filter={Uri.EscapeDataString(Filter)}")).Is(200).Json;
        foreach (var membership in new[] { "join", "invite", "leave" })
        {
            Compare(
                $"{userId} {membership}",
                Keys(before["sync"]!["rooms"]?[membership]),
                Keys(sync["rooms"]?[membership]));
        }

        foreach (var (room, was) in before["sync"]!["rooms"]?["join"]?.AsObject() ?? [])
        {
            var now = sync["rooms"]!["join"]![room]!;
            Compare($"{userId} {room} account data", Events(was!["account_data"]), Events(now["account_data"]));
            Compare($"{userId} {room} receipts", Receipts(was["ephemeral"]), Receipts(now["ephemeral"]));

            // The report has said where counts differ.
            if (_named.Contains($"{userId} in {room}")) continue;
            Compare($"{userId} {room} unread", Text(was["unread_notifications"]), Text(now["unread_notifications"]));
            Compare(
                $"{userId} {room} unread threads",
                Text(was["unread_thread_notifications"] ?? new JsonObject()),
                Text(now["unread_thread_notifications"] ?? new JsonObject()));
        }

        var listed = (await client.PostAsync("publicRooms", new JsonObject())).Is(200).Json;
        Compare(
            $"{userId} public rooms",
            Texts(before["public"]!["chunk"], "room_id"),
            Texts(listed["chunk"], "room_id"));

        var (thread, root) = ((string)dump["thread"]![0]!, (string)dump["thread"]![1]!);
        var subscription = await client.GetAsync(
            "/_matrix/client/unstable/io.element.msc4306/rooms/"
            + $"{Uri.EscapeDataString(thread)}/thread/{Uri.EscapeDataString(root)}/subscription");
        Compare(
            $"{userId} subscription", Text(before["subscription"]!["automatic"]), Text(subscription.Json["automatic"]));

        await ReachesAsync($"{userId} search", Hits(before["needle"]!), async () => Hits(
            (await client.PostAsync("search", JsonNode.Parse(
                """{"search_categories":{"room_events":{"search_term":"needle"}}}"""))).Is(200).Json));

        // Synapse finds the searching user too.
        var people = new JsonArray([.. before["people"]!["results"]!.AsArray()
            .Where(each => (string)each!["user_id"]! != userId).Select(static each => each!.DeepClone())]);
        await ReachesAsync($"{userId} people", Texts(people, "user_id"), async () => Texts(
            (await client.PostAsync("user_directory/search", new JsonObject { ["search_term"] = "example" }))
            .Is(200).Json["results"],
            "user_id"));
        if ((string)dump["delay_by"]! != userId) return;
        var restarted = await client.PostAsync(
            $"/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{(string)dump["delay"]!}",
            new JsonObject { ["action"] = "restart" });
        Compare("the delayed event", "200", $"{restarted.Status}");
    }

    private async Task ImportAsync(string name, string url, string folder)
    {
        var postgres = Path.Combine(_folder, "postgres");
        ISourceDatabase database = File.Exists(postgres)
            ? await PostgresSource.OpenAsync((await File.ReadAllTextAsync(postgres)).Trim(), CancellationToken.None)
            : SqliteSource.Open(Path.Combine(_folder, "homeserver.db"));
        await using var source = await SynapseSource.OpenAsync(database, database, CancellationToken.None);
        var numbers = await StreamNumbers.ReadAsync(source, CancellationToken.None);
        await using var storage = await StorageEngine.OpenAsync(
            new StorageOptions
            {
                Url = url,
                DataDir = folder,
                ServerName = name,
                StartAfter = ImportRun.StartAfter(numbers),
            },
            CancellationToken.None);
        var context = new ImportContext
        {
            Source = source,
            Target = storage,
            ServerName = name,
            Choices = new ImportChoices(),
            Settings = new SourceSettings(),
        };
        var log = new KeptLog();
        await new ImportRun(context, log, ImportParts.All).RunAsync(numbers, CancellationToken.None);
        foreach (var line in log.Lines) await TestContext.Out.WriteLineAsync(line);
        foreach (var finding in await storage.Imports.FindingsAsync("", 0, 1_000, CancellationToken.None))
        {
            _named.Add(finding.Subject);
            await TestContext.Out.WriteLineAsync(finding.ToString());
        }
    }

    private void Compare(string what, string? before, string? after)
    {
        if (before != after) _differences.Add($"{what}\n  before {before}\n  after  {after}");
    }

    private async Task ReachesAsync(string what, string before, Func<Task<string>> now)
    {
        var after = "";
        for (var waited = 0; waited < 100 && (after = await now()) != before; waited++) await Task.Delay(100);
        Compare(what, before, after);
    }

    private static string Keys(JsonNode? of) =>
        string.Join(' ', (of?.AsObject() ?? []).Select(static each => each.Key).Order(StringComparer.Ordinal));

    private static string Texts(JsonNode? of, string member) =>
        string.Join(' ', (of?.AsArray() ?? []).Select(each => (string)each![member]!).Order(StringComparer.Ordinal));

    private static string Events(JsonNode? of) =>
        string.Join('\n', (of?["events"]?.AsArray() ?? []).Select(Text).Order(StringComparer.Ordinal));

    private static string Receipts(JsonNode? of) => string.Join(
        '\n',
        (of?["events"]?.AsArray() ?? []).Where(static each => (string)each!["type"]! == "m.receipt")
            .SelectMany(static each => each!["content"]!.AsObject())
            .SelectMany(static ofEvent => ofEvent.Value!.AsObject()
                .Select(ofType => $"{ofEvent.Key} {ofType.Key} {Text(ofType.Value)}"))
            .Order(StringComparer.Ordinal));

    private static string Hits(JsonNode found) => string.Join(
        ' ',
        found["search_categories"]!["room_events"]!["results"]!.AsArray()
            .Select(static hit => (string)hit!["result"]!["event_id"]!).Order(StringComparer.Ordinal));

    private static string Text(JsonNode? of) => Ordered(of)?.ToJsonString() ?? "";

    private static JsonNode? Ordered(JsonNode? of) => of switch
    {
        JsonObject members => new JsonObject(members.OrderBy(static each => each.Key, StringComparer.Ordinal)
            .Select(static each => KeyValuePair.Create(each.Key, Ordered(each.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Ordered)]),
        _ => of?.DeepClone(),
    };
}
