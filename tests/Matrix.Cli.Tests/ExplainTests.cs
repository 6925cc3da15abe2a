using System.Text.Json;
using Matrix.Processes;
using NUnit.Framework;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules explain`.</summary>
internal sealed class ExplainTests
{
    private const string Create = """
        {"type":"m.room.create","sender":"@alice:one","state_key":"","room_id":"!room:one","event_id":"$create",
         "content":{"creator":"@alice:one"}}
        """;

    private const string Alice = """
        {"type":"m.room.member","sender":"@alice:one","state_key":"@alice:one","room_id":"!room:one",
         "event_id":"$alice","content":{"membership":"join"}}
        """;

    private const string Bob = """
        {"type":"m.room.member","sender":"@bob:two","state_key":"@bob:two","room_id":"!room:one",
         "event_id":"$bob","content":{"membership":"join"}}
        """;

    private string folder = "";

    [SetUp]
    public void Make() => folder = Directory.CreateTempSubdirectory("mx-explain").FullName;

    [TearDown]
    public void Remove() => Directory.Delete(folder, recursive: true);

    private string Written(string name, string text)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, text);
        return file;
    }

    private string Auth => Written("auth.json", $"[{Create},{Alice},{Bob}]");

    private string Ban(string by, string of) => Written("event.json", $$$"""
        {"type":"m.room.member","sender":"{{{by}}}","state_key":"{{{of}}}","room_id":"!room:one","event_id":"$ban",
         "prev_events":["$bob"],"content":{"membership":"ban"}}
        """);

    [Test]
    public async Task A_rejection_has_the_deciding_clause_and_the_supplied_and_required_values()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@bob:two", "@alice:one"), "--auth", Auth,
            "--format", "json");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Json.GetProperty("allowed").GetBoolean(), Is.False);
        Assert.That(ran.Json.GetProperty("clause").GetString(), Is.EqualTo("member.ban.otherwise"));
        Assert.That(ran.Json.GetProperty("supplied").GetString(), Is.EqualTo("0"));
        Assert.That(ran.Json.GetProperty("required").GetString(), Is.EqualTo("101"));
        var last = ran.Json.GetProperty("trace").EnumerateArray().Last();
        Assert.That(last.GetProperty("id").GetString(), Is.EqualTo("member"));
        Assert.That(Deepest(last).GetProperty("id").GetString(), Is.EqualTo("member.ban.otherwise"));
    }

    private static JsonElement Deepest(JsonElement tried)
    {
        var inside = tried.GetProperty("inside").EnumerateArray().ToList();
        return inside.Count == 0 ? tried : Deepest(inside[^1]);
    }

    [Test]
    public async Task An_acceptance_is_printed_as_a_tree()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@alice:one", "@bob:two"), "--auth", Auth,
            "--full");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.StartWith("version 11: accepted, by 4.6.2 member.ban.power"));
        Assert.That(ran.Output, Does.Contain("auth-events.duplicated"));
        Assert.That(ran.Output, Does.Not.Contain("required-power"));
    }

    [Test]
    public async Task Only_the_rules_that_lead_to_the_verdict_are_printed_with_the_user_concerned()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@bob:two", "@alice:one"), "--auth", Auth);
        var json = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@bob:two", "@alice:one"), "--auth", Auth,
            "--format", "json");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(
            ran.Output,
            Does.StartWith("version 11: rejected, by 4.6.3 member.ban.otherwise: @bob:two: the sender may not ban"));
        Assert.That(
            ran.Output,
            Does.Contain("4 member").And.Contain("4.6 member.ban").And.Not.Contain("auth-events")
            .And.Not.Contain("member.join"));
        Assert.That(json.Json.GetProperty("user").GetString(), Is.EqualTo("@bob:two"));
        Assert.That(json.Json.GetProperty("trace").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public async Task Conditions_are_printed_without_double_negation()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@bob:two", "@alice:one"), "--auth", Auth,
            "--full");

        Assert.That(
            ran.Output,
            Does.Contain("the type is not m.room.create").And.Contain("the membership of the sender is join"));
        Assert.That(ran.Output, Does.Contain("the power of the sender is below the ban level"));
        Assert.That(
            ran.Output,
            Does.Not.Contain("no: ").And.Not.Contain("yes: ").And.Not.Contain("is not below")
            .And.Not.Contain("no auth event is not"));
    }

    [Test]
    public async Task Markdown_has_the_entries_and_the_parts_of_conditions_and_no_line_twice()
    {
        var levels = Written("event.json", """
            {"type":"m.room.power_levels","sender":"@alice:one","state_key":"","room_id":"!room:one",
             "event_id":"$levels","prev_events":["$bob"],
             "content":{"users":{"@alice:one":100,"@bob:two":50,"@carol:two":10}}}
            """);
        const string first = """
            {"type":"m.room.power_levels","sender":"@alice:one","state_key":"","room_id":"!room:one",
             "event_id":"$first","content":{"users":{"@alice:one":100}}}
            """;
        var before = Written("before.json", $"[{Create},{Alice},{first}]");

        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", levels, "--auth", before, "--full", "--format",
            "markdown");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(
            ran.Output, Does.Contain("@bob:two]: ").And.Contain("@carol:two]: ").And.Contain("\n    - **accepted**\n"));
        Assert.That(ran.Output.Split('\n').Where(line => line.Contains('`', StringComparison.Ordinal)), Is.Unique);
    }

    [TestCase("text")]
    [TestCase("markdown")]
    public async Task Control_characters_in_an_event_are_escaped(string format)
    {
        var topic = Written("event.json", """
            {"type":"m.room.topic","sender":"@alice:one","state_key":"@\u001b[2J:two","room_id":"!room:one",
             "event_id":"$topic","prev_events":["$bob"],"content":{}}
            """);

        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", topic, "--auth",
            Written("alone.json", $"[{Create},{Alice}]"), "--format", format);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Contain("@\\u001b[2J:two").And.Not.Contain("\u001b"));
    }

    [Test]
    public async Task All_versions_decide_the_same_room_with_the_room_id_of_each_version()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--all-versions", "--event", Ban("@alice:one", "@bob:two"), "--auth", Auth, "--format",
            "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var versions = ran.Json.GetProperty("versions").EnumerateArray().ToList();
        Assert.That(versions, Has.Count.EqualTo(13));
        Assert.That(versions.Select(v => v.GetProperty("allowed").GetBoolean()), Is.All.True);
    }

    [TestCase("{", "expected JSON")]
    [TestCase("[]", "expected one event")]
    [TestCase("{\"type\":\"m.room.name\",\"content\":{}}", "expected `sender`")]
    [TestCase("{\"type\":\"m.room.name\",\"sender\":\"@a:b\",\"content\":[]}", "`content`: expected an object")]
    [TestCase(
        "{\"type\":\"m.room.create\",\"sender\":\"@a:b\",\"state_key\":\"\",\"event_id\":\"\",\"content\":{}}",
        "`event_id`: expected an event id")]
    public async Task A_file_that_is_not_an_event_is_reported_with_what_was_expected(string text, string expected)
    {
        var file = Written("event.json", text);
        var ran = await Command.RunAsync("rules", "explain", "--room-version", "11", "--event", file, "--auth", Auth);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain(file));
        Assert.That(ran.Errors, Does.Contain(expected));
    }

    [Test]
    public async Task Auth_events_are_required()
    {
        var ran = await Command.RunAsync(
            "rules", "explain", "--room-version", "11", "--event", Ban("@alice:one", "@bob:two"));

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain("--auth"));
    }
}
