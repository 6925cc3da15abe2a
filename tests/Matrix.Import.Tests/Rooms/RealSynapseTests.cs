using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Import.Deciding;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Rooms;

/// <summary>
/// Rooms of a real Synapse, which a script filled, and what it said to its users before it stopped: the folder that
/// `MATRIX_IMPORT_SYNAPSE` names has `homeserver.db` and `dump.json`.
/// </summary>
[Explicit("It needs the database of a Synapse.")]
internal sealed class RealSynapseTests
{
    private static readonly string _folder = Environment.GetEnvironmentVariable("MATRIX_IMPORT_SYNAPSE") ?? "";

    [Test]
    public async Task Users_see_the_same_state_members_and_messages_as_before()
    {
        var dump = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "dump.json")))!;
        var users = dump["users"]!.AsObject();
        var name = users.First().Key.Split(':', 2)[1];
        await using var target = await TestDatabase.CreateAsync(TestDatabase.Sqlite);
        var url = "sqlite:" + Path.Combine(target.Folder, "matrix.db");
        await ImportAsync(name, url, target.Folder);
        await DecideAgainAsync(name, url, target.Folder);
        await using var server = await TestServer.StartAsync(("database.url", url), ("server_name", name));
        var differences = new List<string>();
        foreach (var (userId, said) in users)
        {
            var user = await server.RegistersAsync(userId[1..userId.IndexOf(':', StringComparison.Ordinal)]);
            var sync = await user.SyncsAsync(
                filter: new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } });
            foreach (var part in new[] { "join", "invite", "leave", "knock" })
            {
                // Synapse does not list invites that were declined.
                var (before, after) = (Rooms(said!["sync"]!, part), Rooms(sync.Json, part));
                Compare($"{userId} {part}", before, part == "leave" ? [.. after.Intersect(before)] : after);
            }

            foreach (var (room, of) in said!["rooms"]!.AsObject())
            {
                var path = $"rooms/{Uri.EscapeDataString((string)dump["rooms"]![room]!)}";
                if (of!["state"] is JsonArray state)
                {
                    Compare($"{userId} {room} state", Sorted(state), Sorted(await ArrayAsync(user, $"{path}/state")));
                }

                if (of["members"]?["chunk"] is JsonArray members)
                {
                    var now = (await user.GetAsync($"{path}/members")).Json["chunk"]?.AsArray() ?? [];
                    Compare($"{userId} {room} members", Sorted(members), Sorted(now));
                }

                if (of["messages"] is JsonArray messages)
                {
                    var now = await MessagesAsync(user, path);
                    Compare($"{userId} {room} messages", Sorted(messages), Sorted(now));

                    // Where servers send at once, Synapse pages by depth, and this server as events came.
                    if (IsOfOne(messages)) Compare($"{userId} {room} order", Lines(messages), Lines(now));
                }
            }
        }

        Assert.That(differences, Is.Empty, string.Join('\n', differences.Append(server.Log)));

        void Compare(string what, List<string> before, List<string> after)
        {
            if (before.SequenceEqual(after)) return;
            var same = before.Zip(after).TakeWhile(static pair => pair.First == pair.Second).Count();
            differences.Add(
                $"{what}: {before.Count} before, {after.Count} after, alike {same}\n"
                + $"  first {before.ElementAtOrDefault(same)}\n   then {after.ElementAtOrDefault(same)}\n"
                + $"  lost {string.Join("\n       ", before.Except(after).Take(10))}\n"
                + $"  new  {string.Join("\n       ", after.Except(before).Take(10))}");
        }
    }

    private static async Task ImportAsync(string name, string url, string folder)
    {
        var file = SqliteSource.Open(Path.Combine(_folder, "homeserver.db"));
        await using var source = await SynapseSource.OpenAsync(file, file, CancellationToken.None);
        var numbers = await StreamNumbers.ReadAsync(source, CancellationToken.None);
        var options = new StorageOptions
        {
            Url = url,
            DataDir = folder,
            ServerName = name,
            StartAfter = ImportRun.StartAfter(numbers),
        };
        await using var storage = await StorageEngine.OpenAsync(options, CancellationToken.None);
        var context = new ImportContext
        {
            Source = source,
            Target = storage,
            ServerName = name,
            Choices = new ImportChoices(),
            Settings = new SourceSettings(),
        };
        var log = new KeptLog();
        var run = new ImportRun(context, log, [new RoomsPart(), new InvitesPart(), new StagedPart()]);
        await run.RunAsync(numbers, CancellationToken.None);
        foreach (var line in log.Lines) await TestContext.Out.WriteLineAsync(line);
        foreach (var finding in await storage.Imports.FindingsAsync("", 0, 1_000, CancellationToken.None))
        {
            await TestContext.Out.WriteLineAsync(finding.ToString());
        }
    }

    private static async Task DecideAgainAsync(string name, string url, string folder)
    {
        var options = new StorageOptions { Url = url, DataDir = folder, ServerName = name };
        await using var storage = await StorageEngine.InspectAsync(options, CancellationToken.None);
        var progress = new RuleCheckProgress();
        await new RuleCheck(storage).RunAsync(progress, static () => Task.CompletedTask, CancellationToken.None);
        foreach (var (version, count) in progress.Versions) await TestContext.Out.WriteLineAsync($"{version}: {count}");
        Assert.That(progress.Differing, Is.Empty);
    }

    private static async Task<JsonArray> MessagesAsync(TestUser user, string path)
    {
        var found = new JsonArray();
        for (var from = ""; ;)
        {
            var reply = await user.GetAsync($"{path}/messages?dir=b&limit=100{from}");
            if (reply.Status == 403) return found;
            var page = reply.Is(200).Json;
            foreach (var each in page["chunk"]!.AsArray()) found.Add(each!.DeepClone());
            if ((string?)page["end"] is not { } end) return found;
            from = "&from=" + Uri.EscapeDataString(end);
        }
    }

    private static async Task<JsonArray> ArrayAsync(TestUser user, string path) =>
        await user.GetAsync(path) is { Status: 200 } reply ? JsonNode.Parse(reply.Text)!.AsArray() : [];

    private static bool IsOfOne(JsonArray events) => events
        .Select(static each => ((string)each!["sender"]!).Split(':', 2)[1]).Distinct().Count() == 1;

    private static List<string> Rooms(JsonNode sync, string part) =>
        [.. (sync["rooms"]?[part]?.AsObject() ?? []).Select(static each => each.Key).Order(StringComparer.Ordinal)];

    private static List<string> Sorted(JsonArray events) => [.. Lines(events).Order(StringComparer.Ordinal)];

    private static List<string> Lines(JsonArray events) =>
    [
        .. events.Select(static each =>
            $"{(string)each!["event_id"]!} {(string)each["type"]!} {Ordered(each["content"])?.ToJsonString()}"),
    ];

    private static JsonNode? Ordered(JsonNode? of) => of switch
    {
        JsonObject members => new JsonObject(members.OrderBy(static each => each.Key, StringComparer.Ordinal)
            .Select(static each => KeyValuePair.Create(each.Key, Ordered(each.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Ordered)]),
        _ => of?.DeepClone(),
    };
}
