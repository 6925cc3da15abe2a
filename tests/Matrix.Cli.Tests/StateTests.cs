using System.Text.Json;
using System.Xml.Linq;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx state`.</summary>
[Category("Slow")]
internal sealed class StateTests
{
    private static readonly string[] _topics = ["$one", "$two"];

    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Repository.ScratchFolder("cli");

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_room_is_replayed_to_the_state_after_its_extremities_sorted()
    {
        var ran = await ResolveAsync("10", Room());

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(
            ran.Json.EnumerateArray()
            .Select(e =>
            (e.GetProperty("type").GetString(), e.GetProperty("state_key").GetString(),
            e.GetProperty("event_id").GetString())),
            Is.EqualTo(new[]
            {
                ("m.room.create", "", "$create"),
                ("m.room.join_rules", "", "$rules"),
                ("m.room.member", "@alice:one", "$alice"),
                ("m.room.member", "@bob:one", "$bob"),
                ("m.room.power_levels", "", "$levels"),
                ("m.room.topic", "", "$two"),
            }));
    }

    // One version for each algorithm.
    [TestCase("1")]
    [TestCase("2")]
    [TestCase("12")]
    public async Task The_order_of_events_and_states_does_not_matter(string version)
    {
        var room = Room(version);
        var pdus = await WriteAsync("pdus.json", room);
        var reversed = await WriteAsync("reversed.json", room.AsEnumerable().Reverse().ToList());
        var one = await WriteAsync("one.json", (string[])["$create", "$alice", "$levels", "$rules", "$bob", "$one"]);
        var two = await WriteAsync("two.json", (string[])["$create", "$alice", "$levels", "$rules", "$bob", "$two"]);

        var answers = new[]
        {
            await ResolveAsync(version, pdus),
            await ResolveAsync(version, reversed),
            await ResolveAsync(version, pdus, "--state", one, "--state", two),
            await ResolveAsync(version, reversed, "--state", two, "--state", one),
        };

        Assert.That(answers.Select(a => a.Code), Has.All.Zero, answers[0].Errors + answers[2].Errors);
        Assert.That(answers.Select(a => a.Output).Distinct().Count(), Is.EqualTo(1));
        Assert.That(answers[0].Json.GetArrayLength(), Is.EqualTo(6));
    }

    [Test]
    public async Task Real_events_are_identified_by_their_hashes()
    {
        // The printed state can be resolved again.
        var created = new Dictionary<string, object?>
        {
            ["type"] = "m.room.create",
            ["state_key"] = "",
            ["sender"] = "@alice:one",
            ["room_id"] = "!r:one",
            ["content"] = new { creator = "@alice:one" },
            ["origin_server_ts"] = 1,
            ["depth"] = 1,
            ["prev_events"] = Array.Empty<string>(),
            ["auth_events"] = Array.Empty<string>(),
        };
        var key = Path.Combine(_folder, "signing.key");
        await Command.RunAsync("keys", "generate", "--out", key);
        var signed = await Command.RunInAsync(
            new Dictionary<string, string>(), JsonSerializer.Serialize(created), "event", "sign", "--room-version",
            "10", "--key", key, "--server", "one");
        var pdus = Path.Combine(_folder, "signed.json");
        await File.WriteAllTextAsync(pdus, signed.Output);
        var id = (await Command.RunAsync("event", "id", "--room-version", "10", pdus)).Output.Trim();

        var state = await Command.RunAsync("state", "resolve", "--room-version", "10", "--pdus", pdus);
        var file = Path.Combine(_folder, "state.json");
        await File.WriteAllTextAsync(file, state.Output);
        var again = await Command.RunAsync("state", "resolve", "--room-version", "10", "--pdus", pdus, "--state", file);

        Assert.That(state.Json[0].GetProperty("event_id").GetString(), Is.EqualTo(id), state.Errors);
        Assert.That(again.Output, Is.EqualTo(state.Output), again.Errors);
    }

    [Test]
    public async Task Each_step_is_explained_with_its_order_and_its_verdicts()
    {
        var pdus = await WriteAsync("pdus.json", Room());

        var json = await ResolveAsync("10", pdus, "--explain");
        var text = await ResolveAsync("10", pdus, "--explain", "--format", "text");
        var first = await ResolveAsync("1", await WriteAsync("first.json", Room("1")), "--explain");

        Assert.Multiple(() =>
        {
            Assert.That(json.Json.GetProperty("algorithm").GetString(), Is.EqualTo("2"));
            Assert.That(
                json.Json.GetProperty("mainline_order").EnumerateArray()
                .Select(e => e.GetProperty("event_id").GetString()),
                Is.EqualTo(_topics));
            var his = json.Json.GetProperty("events").EnumerateArray()
                .Single(e => e.GetProperty("event_id").GetString() == "$his");
            Assert.That(his.GetProperty("accepted").GetBoolean(), Is.False);
            Assert.That(his.GetProperty("reason").GetString(), Does.Contain("power"));
            Assert.That(text.Output, Does.Contain("mainline order:").And.Not.Contain("power order:"));
            Assert.That(
                first.Json.GetProperty("settled").EnumerateArray().Select(e => e.GetProperty("event_id").GetString()),
                Is.EquivalentTo(_topics));
        });
    }

    [Test]
    public async Task What_Synapse_resolves_differently_is_explained()
    {
        List<Dictionary<string, object?>> room =
        [
            .. Room().Take(5),
            Made("$promotion", "@alice:one", "m.room.power_levels", "",
            new { users = new Dictionary<string, int> { ["@alice:one"] = 100, ["@bob:one"] = 100 } }, ["$bob"],
            ["$create", "$alice", "$levels"], 6),
            Made("$open", "@bob:one", "m.room.join_rules", "", new { join_rule = "public" }, ["$promotion"],
            ["$create", "$bob", "$promotion"], 7),
            Made("$closed", "@alice:one", "m.room.join_rules", "", new { join_rule = "invite" }, ["$open"],
            ["$create", "$alice", "$promotion"], 8),
        ];
        var both = (string[])["$create", "$alice", "$bob", "$promotion"];
        var before = await WriteAsync("before.json", (string[])[.. both, "$open"]);
        var after = await WriteAsync("after.json", (string[])[.. both, "$closed"]);
        var pdus = await WriteAsync("pdus.json", room);

        var apart = await ResolveAsync("10", pdus, "--explain", "--state", before, "--state", after);
        var alike = await ResolveAsync("10", await WriteAsync("alike.json", Room()), "--explain");

        Assert.That(apart.Code, Is.Zero, apart.Errors);
        var row = apart.Json.GetProperty("states_counted_among_auth_chains").EnumerateArray().Single();
        Assert.That(
            (row.GetProperty("type").GetString(), row.GetProperty("event_id").GetString(),
            row.GetProperty("event_id_if_counted").GetString()),
            Is.EqualTo(("m.room.join_rules", "$open", "$closed")));
        Assert.That(alike.Json.TryGetProperty("states_counted_among_auth_chains", out _), Is.False);
    }

    [Test]
    public async Task Pictures_mark_conflicted_rejected_and_chosen_events()
    {
        var pdus = await WriteAsync("pdus.json", Room());

        var dot = await ResolveAsync("10", pdus, "--dot");
        var svg = await ResolveAsync("10", pdus, "--svg");
        var both = await ResolveAsync("10", pdus, "--svg", "--dot");

        Assert.Multiple(() =>
        {
            Assert.That(
                dot.Output,
                Does.StartWith("digraph").And.Contain("\"$two\" -> \"$bob\"").And.Contain("conflicted, chosen"));
            var drawn = XDocument.Parse(svg.Output).Root!;
            Assert.That(drawn.Descendants().Count(e => e.Name.LocalName == "title"), Is.EqualTo(8));
            Assert.That(
                drawn.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value),
                Has.Some.EqualTo("rejected"));
            Assert.That(both.Code, Is.EqualTo(2));
        });
    }

    [Test]
    public async Task Missing_or_invalid_input_is_reported_with_its_position_and_exit_code_2()
    {
        var room = Room();
        var pdus = await WriteAsync("pdus.json", room);
        var noLevels = await WriteAsync(
            "no-levels.json", room.Where(e => (string)e["event_id"]! != "$levels").ToList());
        var circle = await WriteAsync(
            "circle.json",
            room.Append(
            Made("$x", "@alice:one", "m.room.topic", "", new { }, ["$x"], ["$create", "$alice", "$levels"], 9))
            .ToList());
        var wrong = await WriteAsync("wrong.json", (object[])[room[0], 7]);
        var untyped = await WriteAsync("untyped.json", (object[])[new { sender = "@a:b" }]);
        var lines = Path.Combine(_folder, "lines.json");
        await File.WriteAllTextAsync(lines, JsonSerializer.Serialize(room[0]) + "\n{\"type\":\n");
        var unknown = await WriteAsync("unknown.json", (string[])["$create", "$nobody"]);

        foreach (var (ran, told) in new[]
        {
            (await ResolveAsync("10", noLevels), "$levels"),
            (await ResolveAsync("10", circle), "$x: expected previous events without a circle"),
            (await ResolveAsync("10", wrong), $"{wrong}: [1]: expected an event"),
            (await ResolveAsync("10", untyped), $"{untyped}: [0]: expected `type`"),
            (await ResolveAsync("10", lines), $"{lines}:2:"),
            (await ResolveAsync("10", pdus, "--state", unknown),
            $"{unknown}: [1]: expected an event of --pdus: $nobody is not among them"),
            (await Command.RunAsync("state", "resolve", "--room-version", "10", "--pdus", pdus), "expected `hashes`"),
            (await Command.RunAsync("state", "resolve", "--room-version", "10"), "--pdus"),
        })
        {
            Assert.That((ran.Code, ran.Output), Is.EqualTo((2, "")), told);
            Assert.That(ran.Errors, Does.Contain(told).And.Not.Contain("Exception"));
        }
    }

    [Test]
    public async Task Two_different_events_with_one_identifier_are_refused()
    {
        var room = Room();
        var twice = await ResolveAsync("10", [.. room, room[5]]);
        var other = await ResolveAsync(
            "10", [.. room, Made("$one", "@bob:one", "m.room.topic", "", new { topic = "no" }, ["$bob"], [], 6)]);

        Assert.That(twice.Code, Is.Zero, twice.Errors);
        Assert.That((other.Code, other.Output), Is.EqualTo((2, "")));
        Assert.That(other.Errors, Does.Contain("[8]: `event_id`").And.Contain("$one"));
    }

    [Test]
    public async Task Control_characters_in_a_file_are_escaped()
    {
        var room = Room();
        room.Add(
            Made("$x", "@alice:one", "m.room.topic", "\u001b[2J\nline", new { }, ["$his"],
            ["$create", "$alice", "$levels"], 9));
        var text = await ResolveAsync("10", room, "--format", "text");
        var wrong = await Command.RunAsync("rules", "show", "\u001b[2J");

        Assert.That(text.Output, Does.Contain("\\u001b[2J\\u000aline").And.Not.Contain("\u001b"), text.Errors);
        Assert.That(wrong.Errors, Does.Contain("\\u001b[2J").And.Not.Contain("\u001b"));
    }

    private async Task<Ran> ResolveAsync(
        string version, IReadOnlyList<Dictionary<string, object?>> room, params string[] more) =>
        await ResolveAsync(version, await WriteAsync("room.json", room), more);

    private static Task<Ran> ResolveAsync(string version, string pdus, params string[] more) =>
        Command.RunAsync(["state", "resolve", "--room-version", version, "--pdus", pdus, "--trust-event-ids", .. more]);

    /// <summary>A room with two concurrent topics, and a topic by a user without the power.</summary>
    private static List<Dictionary<string, object?>> Room(string version = "10")
    {
        var cites = (string[] ids) => version == "12" ? [.. ids.Where(id => id != "$create")] : ids;
        object levels = version == "12"
            ? new { users = new { } }
            : new { users = new Dictionary<string, int> { ["@alice:one"] = 100 } };
        List<Dictionary<string, object?>> room =
        [
            Made("$create", "@alice:one", "m.room.create", "", new { creator = "@alice:one", room_version = version },
            [], [], 1),
            Made("$alice", "@alice:one", "m.room.member", "@alice:one", new { membership = "join" }, ["$create"],
            cites(["$create"]), 2),
            Made("$levels", "@alice:one", "m.room.power_levels", "", levels, ["$alice"], cites(["$create", "$alice"]),
            3),
            Made("$rules", "@alice:one", "m.room.join_rules", "", new { join_rule = "public" }, ["$levels"],
            cites(["$create", "$alice", "$levels"]), 4),
            Made("$bob", "@bob:one", "m.room.member", "@bob:one", new { membership = "join" }, ["$rules"],
            cites(["$create", "$rules", "$levels"]), 5),
            Made("$one", "@alice:one", "m.room.topic", "", new { topic = "one" }, ["$bob"],
            cites(["$create", "$alice", "$levels"]), 6),
            Made("$two", "@alice:one", "m.room.topic", "", new { topic = "two" }, ["$bob"],
            cites(["$create", "$alice", "$levels"]), 7),
            Made("$his", "@bob:one", "m.room.topic", "", new { topic = "his" }, ["$two"],
            cites(["$create", "$bob", "$levels"]), 8),
        ];
        if (version == "12")
        {
            foreach (var made in room) made["room_id"] = "!create";
            room[0].Remove("room_id");
        }

        return room;
    }

    private static Dictionary<string, object?> Made(
        string id, string sender, string type, string key, object content, string[] prev, string[] auth, int depth) =>
        new()
        {
            ["event_id"] = id,
            ["sender"] = sender,
            ["type"] = type,
            ["state_key"] = key,
            ["content"] = content,
            ["prev_events"] = prev,
            ["auth_events"] = auth,
            ["depth"] = depth,
            ["origin_server_ts"] = depth,
            ["room_id"] = "!r:one",
        };

    private async Task<string> WriteAsync(string name, object content)
    {
        var file = Path.Combine(_folder, name);
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(content));
        return file;
    }
}
