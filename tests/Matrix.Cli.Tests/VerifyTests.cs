using Matrix.Processes;
using NUnit.Framework;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules verify` and `mx rules coverage`.</summary>
[Category("Slow")]
internal sealed class VerifyTests
{
    [Test]
    public async Task An_invariant_is_printed_with_its_exceptions_and_their_smallest_cases()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "11", "--property", "join.not-banned", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var property = ran.Json.GetProperty("properties").EnumerateArray().Single();
        Assert.That(property.GetProperty("holds").GetBoolean(), Is.True);
        Assert.That(property.GetProperty("asked").GetInt64(), Is.Positive);
        var exception = property.GetProperty("exceptions").EnumerateArray().Single();
        Assert.That(exception.GetProperty("name").GetString(), Is.EqualTo("first-join"));
        Assert.That(exception.GetProperty("smallest").GetString(), Does.Contain("alice is banned"));
    }

    [Test]
    public async Task A_property_that_only_older_versions_have_is_checked_in_them()
    {
        var ran = await Command.RunAsync("rules", "verify", "--room-version", "10", "--property", "cited.create");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.Match(@"ok +cited\.create +\d+ +versions 10"));
    }

    [Test]
    public async Task What_can_happen_is_printed_with_its_smallest_case()
    {
        var ran = await Command.RunAsync("rules", "verify", "--room-version", "11", "--property", "create.twice");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.Match(@"can happen +create\.twice +\d+ +versions 11"));
        Assert.That(ran.Output, Does.Contain("creating: "));
    }

    [TestCase("text")]
    [TestCase("json")]
    public async Task A_property_that_a_version_does_not_have_is_refused(string format)
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "1", "--property", "cited.no-create", "--format", format);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((2, "")));
        Assert.That(ran.Errors, Does.Contain("no property 'cited.no-create' of version 1"));
    }

    [Test]
    public async Task Properties_are_selected_by_a_prefix_of_their_name()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "12", "--property", "auth.evaluators-agree");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.Match(@"ok +auth\.evaluators-agree +100 +versions 12"));
    }

    [Test]
    public async Task How_often_a_premise_was_met_is_printed()
    {
        var text = await Command.RunAsync(
            "rules", "verify", "--room-version", "12", "--property", "state-res.power-order");
        var json = await Command.RunAsync(
            "rules", "verify", "--room-version", "12", "--property", "state-res.power-order", "--format", "json");

        Assert.That(text.Code, Is.Zero, text.Errors);
        Assert.That(text.Output, Does.Match(@"ok +state-res\.power-order\.smallest +\d+ of 100 +versions 12"));
        foreach (var property in json.Json.GetProperty("properties").EnumerateArray())
        {
            Assert.That(property.GetProperty("checked").GetBoolean(), Is.True);
            var asked = property.GetProperty("asked").GetInt64();
            Assert.That(property.GetProperty("met").GetInt64(), Is.InRange(30, asked));
        }
    }

    [Test]
    public async Task The_smallest_cases_that_differ_from_the_parent_and_idle_axes_are_checked()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "11", "--property", "worlds", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var asked = ran.Json.GetProperty("properties").EnumerateArray()
            .ToDictionary(p => p.GetProperty("name").GetString()!, p => p.GetProperty("asked").GetInt64());
        Assert.That(asked["worlds.differences-are-shown"], Is.Positive);
        Assert.That(asked["worlds.idle-axes-are-idle"], Is.GreaterThan(50_000));
    }

    [Test]
    public async Task The_tables_have_no_findings()
    {
        var ran = await Command.RunAsync("rules", "lint", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("findings").GetInt64(), Is.Zero);
        Assert.That(ran.Json.GetProperty("versions").GetInt64(), Is.EqualTo(13));
    }

    [Test]
    public async Task Every_clause_of_a_version_is_covered()
    {
        var ran = await Command.RunAsync("rules", "coverage", "--room-version", "12", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("clauses_undecided").GetInt64(), Is.Zero);
        var rows = ran.Json.GetProperty("coverage").EnumerateArray()
            .ToDictionary(row => row.GetProperty("clause").GetString()!);
        Assert.That(rows["member.leave.self"].GetProperty("accepted").GetInt64(), Is.Positive);
        Assert.That(rows["member.leave.self"].GetProperty("rejected").GetInt64(), Is.Positive);
        Assert.That(rows["member.join.banned"].GetProperty("accepted").GetInt64(), Is.Zero);
        Assert.That(rows["redaction.applied.otherwise"].GetProperty("rejected").GetInt64(), Is.Positive);
        Assert.That(rows["redaction.asked.power"].GetProperty("accepted").GetInt64(), Is.Positive);
    }
}
