using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules list`, `show`, `diff`, `history` and `print`.</summary>
internal sealed class RulesTests
{
    private static readonly string[] _clauseKeys = ["id", "at", "number", "text", "outcome", "when", "msc", "link"];

    private static IEnumerable<string> Texts(JsonElement list, string key) => list.EnumerateArray()
        .Select(item => item.GetProperty(key).GetString()!);

    [Test]
    public async Task The_list_counts_the_tables_that_versions_share()
    {
        var list = (await Command.RunAsync("rules", "list", "--format", "json")).Json;
        var distinct = list.GetProperty("tables").EnumerateArray()
            .ToDictionary(
                table => table.GetProperty("table").GetString()!, table => table.GetProperty("distinct").GetInt32());

        Assert.That(
            (distinct["auth"], distinct["redaction"], distinct["state"], distinct["ids"]),
            Is.EqualTo((8, 5, 3, 3)));
        Assert.That(
            Texts(list.GetProperty("versions"), "version"),
            Is.EqualTo(Enumerable.Range(1, 12).Select(n => $"{n}").Append("org.example.owned-state")));
    }

    [Test]
    public async Task Claims_are_printed_with_their_versions_reasons_and_exceptions()
    {
        var text = await Command.RunAsync("rules", "claims", "12");
        var claims = (await Command.RunAsync("rules", "claims", "5", "--format", "json")).Json.GetProperty("claims");
        var banned = claims.EnumerateArray()
            .Single(claim => claim.GetProperty("name").GetString() == "the-banned-send-nothing");

        Assert.That(
            text.Output, Does.Contain("the-banned-send-nothing  [versions all]\n  A banned user sends no events."));
        Assert.That(text.Output, Does.Not.Contain("aliases-are-of-the-senders-server"));
        Assert.That(
            Texts(banned.GetProperty("exceptions"), "name"),
            Is.EqualTo(new[] { "first-join", "third-party", "aliases" }));
        Assert.That(
            banned.GetProperty("words").GetProperty("then").GetString(), Is.EqualTo("it is rejected"));
        Assert.That(banned.GetProperty("then").GetProperty("not").GetString(), Is.EqualTo("allowed"));
        Assert.That(
            (await Command.RunAsync("rules", "claims", "no-version")).Errors, Does.Contain("no-version"));
    }

    [Test]
    public async Task Claims_name_sections_of_the_specification_that_there_are()
    {
        var claims = (await Command.RunAsync("rules", "claims", "--format", "json")).Json.GetProperty("claims");
        var sections = File.ReadLines(Path.Combine(
            Repository.Root, "tests", "Matrix.Cli.Tests", "Architecture", "Specification", "sections.txt"));

        Assert.That(
            Texts(claims, "section").Distinct().Order(),
            Is.SubsetOf(sections.Select(section => $"v1.19 {section}").ToHashSet()));
    }

    [Test]
    public async Task The_list_names_parents_amendments_and_what_is_unstable()
    {
        var text = await Command.RunAsync("rules", "list");
        var markdown = await Command.RunAsync("rules", "list", "--format", "markdown");

        Assert.That(text.Output, Does.Contain("Room version 12, based on 11 (stable)\n  MSC4289  "));
        Assert.That(text.Output, Does.Contain("Room version org.example.owned-state, based on 11 (unstable"));
        Assert.That(
            text.Output,
            Does.Contain("Authorization tables: 8 distinct\n  1 2 | 3 4 5 | 6 | 7 | 8 9 | 10 | 11 | 12\n"));
        Assert.That(markdown.Output, Does.Contain("| 12 | stable | 11 | MSC4289 "));
    }

    /// <summary>The first and the last version; tests of the rules compare all tables with the outline.</summary>
    [TestCase("1")]
    [TestCase("12")]
    public async Task Every_numbered_rule_is_shown_with_its_position_and_outcome(string version)
    {
        var outline = JsonDocument.Parse(await File.ReadAllBytesAsync(
            Path.Combine(Repository.Root, "tests", "vectors", "authorization-outline.json")))
            .RootElement.GetProperty("versions");

        var shown = (await Command.RunAsync("rules", "show", version, "--format", "json")).Json;

        var expected = outline.GetProperty(version).EnumerateArray().Select(item => (
            item.GetProperty("at").GetString(),
            item.TryGetProperty("printed", out var printed) ? printed.GetString() : item.GetProperty("at").GetString(),
            item.GetProperty("says").EnumerateArray().Select(says => says.GetString()).SingleOrDefault()));
        Assert.That(shown.GetProperty("version").GetString(), Is.EqualTo(version));
        Assert.That(
            shown.GetProperty("clauses").EnumerateArray()
            .Where(clause => clause.GetProperty("number").ValueKind != JsonValueKind.Null).Select(clause => (
                clause.GetProperty("at").GetString(), clause.GetProperty("number").GetString(),
                clause.GetProperty("outcome").GetString())),
            Is.EqualTo(expected));
    }

    [Test]
    public async Task A_clause_has_its_text_condition_outcome_and_proposals()
    {
        var clauses = (await Command.RunAsync("rules", "show", "12", "--area", "auth", "--format", "json"))
            .Json.GetProperty("clauses");
        var clause = clauses.EnumerateArray()
            .Single(item => item.GetProperty("id").GetString() == "member.join.restricted");

        Assert.That(_clauseKeys.All(key => clause.TryGetProperty(key, out _)), Is.True);
        Assert.That(clause.GetProperty("number").GetString(), Is.EqualTo("5.3.5"));
        Assert.That(
            clause.GetProperty("when").GetString(), Is.EqualTo("if the join rule is restricted or knock_restricted"));
        Assert.That(clause.GetProperty("outcome").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(clause.GetProperty("msc").GetString(), Is.EqualTo("MSC3083, MSC3787"));
        Assert.That(clause.GetProperty("link").GetString(), Does.EndWith("/rooms/v12/#authorisation-rules"));
    }

    [TestCase("redaction", "kept.m.room.create", "everything")]
    [TestCase("format", "event.room_id", "required, except in the create event: a room id, ! and a hash")]
    [TestCase("state", "state.resolve.check-power-events", "an empty state map")]
    [TestCase("limits", "limits.event", "65536 bytes")]
    [TestCase("policy", "policy.identifier-bytes", "enforced")]
    public async Task One_area_can_be_printed_alone(string area, string id, string value)
    {
        var shown = (await Command.RunAsync("rules", "show", "12", "--area", area, "--format", "json")).Json;
        var row = shown.GetProperty("clauses").EnumerateArray()
            .Single(item => item.GetProperty("id").GetString() == id);

        Assert.That(row.GetProperty("value").GetString(), Is.EqualTo(value));
        Assert.That(shown.GetProperty("areas").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task One_area_can_be_printed_as_text() =>
        Assert.That(
            (await Command.RunAsync("rules", "show", "12", "--area", "limits")).Output,
            Does.Contain("[limits.event]").And.Not.Contain("[member."));

    [Test]
    public async Task A_diff_lists_added_removed_and_changed_rows_with_their_proposals()
    {
        var changes = (await Command.RunAsync("rules", "diff", "11", "12", "--format", "json"))
            .Json.GetProperty("changes");
        var rules = changes.EnumerateArray().Where(change => change.GetProperty("area").GetString() == "auth")
            .Select(change => (
            change.GetProperty("id").GetString(), change.GetProperty("kind").GetString(),
            change.GetProperty("msc").GetString()));

        Assert.That(rules, Is.EquivalentTo(new[]
        {
            ("create.server", "removed", "MSC4291"),
            ("create.room-id", "added", "MSC4291"),
            ("create.additional-creators", "added", "MSC4289"),
            ("room", "added", "MSC4291"),
            ("auth-events.create", "removed", "MSC4291"),
            ("power-levels.creators", "added", "MSC4289"),
        }));
        Assert.That(changes.EnumerateArray().Any(change => change.GetProperty("wording_only").GetBoolean()), Is.False);
    }

    [Test]
    public async Task Every_differing_rule_has_a_smallest_case_with_both_explanations()
    {
        var changes = (await Command.RunAsync(
            "rules", "diff", "11", "12", "--area", "auth", "--witness", "--format", "json")).Json
            .GetProperty("changes").EnumerateArray().ToDictionary(change => change.GetProperty("id").GetString()!);

        foreach (var (id, change) in changes)
        {
            var witness = change.GetProperty("witness");
            Assert.That(witness.GetProperty("kind").GetString(), Is.EqualTo("decision"), id);
            var (first, second) = (witness.GetProperty("first"), witness.GetProperty("second"));
            Assert.That(
                first.GetProperty("clause").GetString(), Is.Not.EqualTo(second.GetProperty("clause").GetString()), id);
            Assert.That(
                first.GetProperty("accepted").GetBoolean() == second.GetProperty("accepted").GetBoolean(),
                Is.EqualTo(witness.GetProperty("same_verdict").GetBoolean()), id);
            Assert.That(second.GetProperty("event").GetProperty("sender").GetString(), Does.StartWith("@"), id);
        }

        var room = changes["create.room-id"].GetProperty("witness");
        Assert.That(room.GetProperty("first").GetProperty("accepted").GetBoolean(), Is.True);
        Assert.That(
            room.GetProperty("second").GetProperty("explanation").GetString(), Does.Contain("(create.room-id)"));
        Assert.That(room.GetProperty("second").GetProperty("state").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_witness_is_printed_below_its_difference()
    {
        var arguments = new[] { "rules", "diff", "11", "org.example.owned-state", "--witness" };
        var text = await Command.RunAsync(arguments);
        var markdown = await Command.RunAsync([.. arguments, "--format", "markdown"]);
        var without = await Command.RunAsync([.. arguments[..4]]);

        Assert.That(text.Output, Does.Contain("  > smallest case (weight "));
        Assert.That(
            text.Output,
            Does.Contain("  > 11 rejects it: the state key belongs to another user")
            .And.Contain("  > org.example.owned-state accepts it: "));
        Assert.That(markdown.Output, Does.Contain("\n- org.example.owned-state accepts it: "));
        Assert.That(without.Output, Does.Not.Contain("smallest case"));
    }

    [Test]
    public async Task Differences_outside_authorization_have_witnesses_too()
    {
        var changes = (await Command.RunAsync("rules", "diff", "8", "9", "--witness", "--format", "json"))
            .Json.GetProperty("changes");
        var witness = changes.EnumerateArray().Single().GetProperty("witness");

        Assert.That(witness.GetProperty("kind").GetString(), Is.EqualTo("redaction"));
        Assert.That(witness.GetProperty("first").GetRawText(), Does.Not.Contain("join_authorised_via_users_server"));
        Assert.That(witness.GetProperty("second").GetRawText(), Does.Contain("join_authorised_via_users_server"));
    }

    [Test]
    public async Task Differences_of_state_resolution_have_a_room_with_two_servers_states()
    {
        var changes = (await Command.RunAsync(
            "rules", "diff", "11", "12", "--area", "state", "--witness", "--format", "json"))
            .Json.GetProperty("changes");

        Assert.That(changes.GetArrayLength(), Is.Positive);
        foreach (var witness in changes.EnumerateArray().Select(change => change.GetProperty("witness")))
        {
            Assert.That(witness.GetProperty("given").GetString(), Does.Contain("another, which is behind"));
            Assert.That(witness.GetProperty("first").GetString(), Does.Contain("resolves to "));
            Assert.That(witness.GetProperty("second").GetString(), Does.Contain("resolves to $e"));
        }
    }

    [Test]
    public async Task A_diff_is_printed_side_by_side()
    {
        var text = await Command.RunAsync("rules", "diff", "9", "10", "--area", "auth");
        var markdown = await Command.RunAsync("rules", "diff", "9", "10", "--area", "auth", "--format", "markdown");

        Assert.That(text.Output, Does.Contain("~ member.join.restricted: changed (MSC3787)\n"));
        Assert.That(
            text.Output,
            Does.Match(@"  4\.3\.5 If the join rule is restricted: +\| 4\.3\.5 If the join rule is restricted or\n"));
        Assert.That(markdown.Output, Does.Contain("| 3 changed, 2 added, 2 removed | 9 | 10 |"));
    }

    [Test]
    public async Task Print_writes_the_pages_that_were_reviewed()
    {
        var folder = Directory.CreateTempSubdirectory("mx-rules-");
        try
        {
            var ran = await Command.RunAsync("rules", "print", folder.FullName);

            Assert.That(ran.Code, Is.Zero, ran.Errors);
            foreach (var reviewed in Directory.GetFiles(Path.Combine(Repository.Root, "rules", "printed")))
            {
                var written = Path.Combine(folder.FullName, Path.GetFileName(reviewed));
                Assert.That(
                    await File.ReadAllTextAsync(written), Is.EqualTo(await File.ReadAllTextAsync(reviewed)), reviewed);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public async Task A_clauses_history_has_versions_proposal_before_and_after()
    {
        var json = (await Command.RunAsync("rules", "history", "member.join.restricted", "--format", "json")).Json;
        var text = await Command.RunAsync("rules", "history", "power-levels.settings.malformed");

        Assert.That(
            string.Join(' ', Texts(json.GetProperty("versions"), "version")),
            Is.EqualTo("8 9 10 11 12 org.example.owned-state"));
        var changes = json.GetProperty("changes").EnumerateArray().ToList();
        Assert.That(
            string.Join(", ", changes.Select(c => $"{c.GetProperty("version")} {c.GetProperty("kind")}")),
            Is.EqualTo("8 added, 10 changed"));
        Assert.That(Texts(changes[1].GetProperty("amendments"), "msc").Single(), Is.EqualTo("MSC3787"));
        Assert.That(
            changes[1].GetProperty("before").GetProperty("when").GetString(),
            Is.EqualTo("if the join rule is restricted"));
        Assert.That(
            changes[1].GetProperty("after").GetProperty("when").GetString(),
            Is.EqualTo("if the join rule is restricted or knock_restricted"));
        Assert.That(
            text.Output, Does.Contain("version 1: in the first version").And.Contain("version 10: removed (MSC3667)"));
    }

    [Test]
    public async Task An_unknown_clause_is_reported_with_similar_names()
    {
        var ran = await Command.RunAsync("rules", "history", "restricted");

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(
            ran.Errors,
            Does.Contain("no room version has a clause 'restricted'").And.Contain("member.join.restricted"));
    }

    [Test]
    public async Task Differences_can_be_counted_by_area()
    {
        var json = (await Command.RunAsync("rules", "diff", "9", "10", "--stat", "--format", "json")).Json;
        var full = (await Command.RunAsync("rules", "diff", "9", "10", "--format", "json")).Json;
        var areas = json.GetProperty("areas").EnumerateArray()
            .ToDictionary(row => row.GetProperty("area").GetString()!);

        Assert.That(
            (areas["auth"].GetProperty("added").GetInt32(), areas["auth"].GetProperty("removed").GetInt32(),
            areas["auth"].GetProperty("changed").GetInt32()),
            Is.EqualTo((2, 2, 3)));
        var all = areas["all"].EnumerateObject().Where(count => count.Name is not ("area" or "renumbered"))
            .Sum(count => count.Value.GetInt32());
        Assert.That(all, Is.EqualTo(full.GetProperty("changes").GetArrayLength()));
    }

    [Test]
    public async Task A_witness_of_several_differences_is_printed_once()
    {
        var ran = await Command.RunAsync("rules", "diff", "7", "8", "--area", "auth", "--witness");

        var cases = ran.Output.Split("smallest case").Skip(1).Select(text => text.Split("\n\n")[0]).ToList();
        Assert.That(cases, Is.Not.Empty.And.Unique);
        Assert.That(ran.Output, Does.Contain("> the same case as for "));
    }

    [Test]
    public async Task JSON_has_the_rules_as_a_tree_too()
    {
        var json = (await Command.RunAsync("rules", "show", "12", "--format", "json")).Json;

        var create = json.GetProperty("rules")[0];
        Assert.That(create.GetProperty("id").GetString(), Is.EqualTo("create"));
        Assert.That(create.GetProperty("when").GetProperty("type-is").GetString(), Is.EqualTo("m.room.create"));
        Assert.That(
            create.GetProperty("inside")[0].GetProperty("outcome").GetProperty("reject").GetString(),
            Is.EqualTo("create-has-prev-events"));
        Assert.That(json.GetProperty("selection").GetArrayLength(), Is.Positive);
        Assert.That(json.GetProperty("handling").GetArrayLength(), Is.Positive);
    }
}
