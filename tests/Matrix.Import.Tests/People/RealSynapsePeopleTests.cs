using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Import.People;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.People;

/// <summary>
/// People of a real Synapse, which a script filled, and what it said to them before it stopped: the folder that
/// `MATRIX_IMPORT_SYNAPSE` names has `homeserver.db` and `people.json`: `server_name`, `passwords` by user id, and
/// `said`, a list of requests with a token, and the responses of Synapse.
/// </summary>
[Explicit("It needs the database of a Synapse.")]
internal sealed class RealSynapsePeopleTests
{
    private static readonly string _folder = Environment.GetEnvironmentVariable("MATRIX_IMPORT_SYNAPSE") ?? "";

    [Test]
    public async Task Users_are_told_the_same_as_before(
        [Values(TestDatabase.Sqlite, TestDatabase.Postgres)] string kind)
    {
        var people = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "people.json")))!;
        var name = (string)people["server_name"]!;
        await using var target = await TestDatabase.CreateAsync(kind);
        var url = kind == TestDatabase.Sqlite ? "sqlite:" + Path.Combine(target.Folder, "matrix.db") : target.Url;
        await ImportAsync(name, url, target.Folder);
        await using var server = await TestServer.StartAsync(("database.url", url), ("server_name", name));
        var differences = new List<string>();
        foreach (var request in people["said"]!.AsArray())
        {
            var client = new TestClient(server, (string)request!["token"]!);
            var reply = await client.GetAsync((string)request["path"]!);
            if (JsonNode.DeepEquals(Without(reply.Json), Without(request["reply"]!.AsObject()))) continue;
            differences.Add($"{request["path"]}\n  before {request["reply"]!.ToJsonString()}\n   after {reply.Text}");
        }

        foreach (var (userId, password) in people["passwords"]!.AsObject())
        {
            var login = await server.Anyone.PostAsync("login", new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = userId },
                ["password"] = (string)password!,
            });
            if (login.Status != 200) differences.Add($"login of {userId}: {login.Text}");
        }

        Assert.That(differences, Is.Empty, string.Join('\n', differences));
    }

    /// <summary>
    /// What is compared: of errors the code, of rules those of users, of devices what these requests do not change.
    /// </summary>
    private static JsonNode Without(JsonObject reply)
    {
        var copy = reply.DeepClone().AsObject();
        if (copy["errcode"] is { } code) return code.DeepClone();
        if (copy["global"] is JsonObject global)
        {
            foreach (var (kind, rules) in global.ToList())
            {
                global[kind] = new JsonArray([.. rules!.AsArray()
                    .Where(static rule => !(bool)rule!["default"]!).Select(static rule => rule!.DeepClone())]);
            }

            _ = global.Remove("postcontent");
        }

        foreach (var device in copy["devices"]?.AsArray() ?? [])
        {
            foreach (var member in new[] { "last_seen_ts", "user_id" }) _ = device!.AsObject().Remove(member);
        }

        return copy;
    }

    private static async Task ImportAsync(string name, string url, string folder)
    {
        var file = SqliteSource.Open(Path.Combine(_folder, "homeserver.db"));
        await using var source = await SynapseSource.OpenAsync(file, file, CancellationToken.None);
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
        await new ImportRun(context, log, PeopleParts.Accounts).RunAsync(numbers, CancellationToken.None);
        foreach (var line in log.Lines) await TestContext.Out.WriteLineAsync(line);
        foreach (var finding in await storage.Imports.FindingsAsync("", 0, 1_000, CancellationToken.None))
        {
            await TestContext.Out.WriteLineAsync(finding.ToString());
        }
    }
}
