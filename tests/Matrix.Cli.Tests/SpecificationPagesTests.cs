using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>
/// `mx rules sentences`, `mx rules show --page`, `mx rules drift`. What needs the specification's own repository runs
/// if the environment variable MATRIX_SPEC names a clone; without one the test says so.
/// </summary>
internal sealed class SpecificationPagesTests
{
    private static readonly string? _specification = Environment.GetEnvironmentVariable("MATRIX_SPEC");

    private SpecificationFixture _fixture = null!;

    [SetUp]
    public async Task MakeFixture() => _fixture = await SpecificationFixture.CreateAsync();

    [TearDown]
    public void DeleteFixture() => _fixture.Dispose();

    private static bool HasSpecification()
    {
        if (_specification is not null) return true;

        TestContext.Out.WriteLine("not compared here: MATRIX_SPEC names no clone of the specification");
        return false;
    }

    /// <summary>Each change in a line: the rules, what happened, the versions.</summary>
    private static IEnumerable<string> Changes(JsonElement drift) =>
        from change in drift.GetProperty("changes").EnumerateArray()
        let rules = string.Join(",", Texts(change, "rules"))
        select $"{(rules == "" ? "-" : rules)} {change.GetProperty("kind").GetString()} in "
            + string.Join(",", Texts(change, "versions"));

    private static IEnumerable<string?> Texts(JsonElement item, string name) =>
        item.GetProperty(name).EnumerateArray().Select(text => text.GetString());

    private async Task<JsonElement> DriftAsync(params (string From, string To)[] changes)
    {
        _fixture.EditRules(changes);
        await _fixture.CommitAsync("second");
        var ran = await Command.RunAsync(
            "rules", "drift", _fixture.Path, "--between", "first", "second", "--base", "first", "--format", "json");
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        return ran.Json;
    }

    private static async Task<List<string>> RealDriftAsync(string commit)
    {
        var ran = await Command.RunAsync(
            "rules", "drift", _specification!, "--between", commit + "^", commit, "--format", "json");
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("others").GetArrayLength(), Is.Zero, ran.Output);
        return [.. Changes(ran.Json).Order(StringComparer.Ordinal)];
    }

    [Test]
    public async Task A_changed_sentence_names_its_rule_in_every_version_that_has_the_fragment()
    {
        var drift = await DriftAsync(("Twins are bad.", "Twins and triplets are bad."));

        Assert.That(Changes(drift), Is.EqualTo(new[] { "auth-events.duplicated changed in 10,11" }));
        var change = drift.GetProperty("changes")[0];
        Assert.That(change.GetProperty("page").GetString(), Is.EqualTo("rooms/v*"));
        Assert.That(change.GetProperty("section").GetString(), Is.EqualTo("authorisation-rules"));
        Assert.That(change.GetProperty("before").GetProperty("text").GetString(), Is.EqualTo("Twins are bad."));
        Assert.That(change.GetProperty("after").GetProperty("item").GetString(), Is.EqualTo("list 2.2.1"));
    }

    [Test]
    public async Task Rules_that_only_have_another_number_are_not_named()
    {
        var drift = await DriftAsync(
            ("2.  Looking", "2.  Be polite to guests.\n3.  Looking"), ("3.  Locked", "4.  Locked"));

        Assert.That(Changes(drift), Is.EqualTo(new[] { "- added in 10,11" }));
        Assert.That(
            drift.GetProperty("changes")[0].GetProperty("after").GetProperty("text").GetString(),
            Is.EqualTo("Be polite to guests."));
    }

    [Test]
    public async Task A_removed_item_names_its_rule_and_the_ones_after_it_stay()
    {
        var drift = await DriftAsync(("    3.  Outcasts are bad.\n", ""));

        Assert.That(Changes(drift), Is.EqualTo(new[] { "auth-events.rejected removed in 10,11" }));
    }

    [Test]
    public async Task A_list_that_is_replaced_is_named_item_by_item()
    {
        var drift = await DriftAsync(("3.  Locked rooms stay\n    locked.", "3.  Guests knock before they enter."));

        Assert.That(
            Changes(drift), Is.EquivalentTo(new[] { "federate removed in 10,11", "- added in 10,11" }));
    }

    [Test]
    public async Task Line_breaks_links_emphasis_and_marks_of_versions_are_no_change()
    {
        var drift = await DriftAsync(
            ("Locked rooms stay\n    locked.", "{{% changed-in v=11 %}} *Locked* [rooms](/rooms) stay `locked`."));

        Assert.That(Changes(drift), Is.Empty);
        Assert.That(drift.GetProperty("others").GetArrayLength(), Is.Zero);
    }

    [Test]
    public async Task A_sentence_that_no_rule_states_is_listed_apart()
    {
        var drift = await DriftAsync(("Signed, please.", "Signed and sealed, please."));

        Assert.That(Changes(drift), Is.Empty);
        Assert.That(drift.GetProperty("others")[0].GetProperty("kind").GetString(), Is.EqualTo("changed"));
    }

    [Test]
    public async Task Properties_of_schemas_are_followed_through_references()
    {
        _fixture.Write("data/shapes/parts/base.yaml", "properties:\n  sender:\n    description: The author.");
        await _fixture.CommitAsync("second");
        var text = await Command.RunAsync(
            "rules", "drift", _fixture.Path, "--between", "first", "second", "--base", "first");
        var markdown = await Command.RunAsync(
            "rules", "drift", _fixture.Path, "--between", "first", "second", "--base", "first", "--format", "markdown");

        Assert.That(
            text.Output,
            Does.Contain("event.sender: changed in versions 10, 11")
                .And.Contain("before:  Who it is from. (property sender)"));
        Assert.That(markdown.Output, Does.Contain("| event.sender | changed<br>").And.Contain("| The author.<br>"));
    }

    [Test]
    public async Task A_rule_is_shown_beside_its_sentence_from_a_checkout_and_from_a_bare_repository()
    {
        var bare = Path.Combine(_fixture.Path, "bare.git");
        await _fixture.GitAsync("clone", "--quiet", "--bare", _fixture.Path, bare);

        foreach (var repository in new[] { _fixture.Path, bare })
        {
            var shown = await Command.RunAsync(
                "rules", "show", "11", "--page", repository, "--base", "first", "--area", "auth", "--format", "json");

            Assert.That(shown.Code, Is.Zero, shown.Errors);
            var pages = shown.Json.GetProperty("clauses").EnumerateArray()
                .Where(clause => clause.TryGetProperty("page", out _))
                .ToDictionary(clause => clause.GetProperty("id").GetString()!, clause => clause.GetProperty("page"));
            var federate = pages["federate"];
            Assert.That(federate.GetProperty("text").GetString(), Is.EqualTo("Locked rooms stay locked."));
            Assert.That(federate.GetProperty("item").GetString(), Is.EqualTo("list 2.3"));
            Assert.That(
                federate.GetProperty("file").GetString(), Is.EqualTo("content/rooms/fragments/rules.md"));
            Assert.That(federate.GetProperty("same").GetBoolean(), Is.False);
            Assert.That(pages["member"].GetProperty("text").ValueKind, Is.EqualTo(JsonValueKind.Null));
        }
    }

    [Test]
    public async Task A_sentence_is_shown_at_another_revision_wherever_it_is_there()
    {
        _fixture.EditRules(("2.  Looking", "2.  Be polite to guests.\n3.  Looking"), ("3.  Locked", "4.  Locked"));
        await _fixture.CommitAsync("second");

        var text = await Command.RunAsync(
            "rules", "show", "10", "--page", _fixture.Path, "--base", "first", "--area", "auth");
        var markdown = await Command.RunAsync(
            "rules", "show", "10", "--page", _fixture.Path, "--base", "first", "--revision", "first", "--area", "auth",
            "--format", "markdown");

        Assert.That(text.Output, Does.Contain("> Locked rooms stay locked."));
        Assert.That(text.Output, Does.Contain(
            "> differs from what the row was written from: rooms/v10#authorisation-rules, list 2.4\n"));
        Assert.That(text.Output, Does.Contain("> not on the page: "));
        Assert.That(markdown.Output, Does.Contain("- > Locked rooms stay locked.\n"));
    }

    [Test]
    public async Task Sentences_that_are_missing_or_differ_are_listed()
    {
        var ran = await Command.RunAsync(
            "rules", "sentences", _fixture.Path, "--base", "first", "--format", "json");

        Assert.That(ran.Code, Is.EqualTo(1));
        var faults = ran.Json.GetProperty("rules").EnumerateArray()
            .Select(fault => $"{fault.GetProperty("version").GetString()} {fault.GetProperty("rule").GetString()} "
                + fault.GetProperty("fault").GetString()).ToList();
        Assert.That(faults, Does.Contain("11 federate differs").And.Contain("12 federate missing"));
    }

    [Test]
    public async Task A_table_with_missing_sentences_is_not_written()
    {
        var file = Path.Combine(_fixture.Path, "sentences.json");

        var ran = await Command.RunAsync(
            "rules", "sentences", _fixture.Path, "--base", "first", "--write", file);

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(File.Exists(file), Is.False);
    }

    [TestCase("HEAD", "no-such-tag", "no commit 'no-such-tag'")]
    [TestCase("--output=x", "first", "no commit '--output=x'")]
    public async Task A_commit_that_the_repository_lacks_is_refused(string older, string newer, string message)
    {
        var ran = await Command.RunAsync(
            "rules", "drift", _fixture.Path, "--base", "first", $"--between", older, newer);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain(older.StartsWith('-') ? "mx: " : message));
    }

    [Test]
    public async Task A_folder_that_is_no_repository_is_refused()
    {
        var folder = Directory.CreateTempSubdirectory("mx-no-git-");
        try
        {
            foreach (var path in new[] { folder.FullName, Path.Combine(folder.FullName, "missing"), "" })
            {
                var ran = await Command.RunAsync("rules", "show", "12", "--page", path);

                Assert.That(ran.Code, Is.EqualTo(2));
                Assert.That(ran.Errors, Does.Contain("not a git repository"));
            }
        }
        finally
        {
            folder.Delete();
        }

        var without = await Command.RunAsync("rules", "show", "12", "--revision", "HEAD");
        Assert.That(without.Errors, Does.Contain("need --page"));
    }

    [Test]
    public async Task Every_row_has_a_sentence_in_the_table()
    {
        var lint = await Command.RunAsync("rules", "lint", "--format", "json");
        using var table = JsonDocument.Parse(
            await File.ReadAllBytesAsync(Path.Combine(Repository.Root, "rules", "sentences.json")));
        var lines = table.RootElement.GetProperty("sentences").EnumerateArray().ToList();

        Assert.That(lint.Json.GetProperty("findings").GetInt32(), Is.Zero, lint.Output);
        Assert.That(lines.Sum(line => line.GetProperty("versions").GetArrayLength()), Is.EqualTo(2328));
        Assert.That(
            lines.Select(line => line.GetProperty("sha256").GetString()), Has.All.Match("^[0-9a-f]{64}$"));
        // Nothing but the address and the digest: the sentences are not ours to copy.
        Assert.That(
            lines.SelectMany(line => line.EnumerateObject()).Select(member => member.Name).Distinct(),
            Is.EquivalentTo(new[] { "id", "versions", "page", "file", "section", "item", "sha256" }));
    }

    [Test]
    public async Task Every_sentence_of_the_release_has_the_digest_of_the_table()
    {
        if (!HasSpecification()) return;

        var ran = await Command.RunAsync("rules", "sentences", _specification!, "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That(ran.Json.GetProperty("sentences").GetInt32(), Is.EqualTo(2328));
    }

    /// <summary>
    /// By hand: rule 2 of versions 6 and 7 got the heading and the wording of other versions, with a new item about
    /// rejected auth events and one about the create event; the item about the create event that was rule 3 went, and
    /// rule 3 is now about m.federate.
    /// </summary>
    [Test]
    public async Task Pull_request_2065_changed_the_rules_about_auth_events_in_versions_6_and_7()
    {
        if (!HasSpecification()) return;

        Assert.That(await RealDriftAsync("10587366"), Is.EqualTo(new[]
        {
            "- removed in 6,7",
            "auth-events changed in 6,7",
            "auth-events.create added in 6,7",
            "auth-events.duplicated changed in 6,7",
            "auth-events.rejected added in 6,7",
            "auth-events.unselected changed in 6,7",
            "federate added in 6,7",
        }));
    }

    /// <summary>By hand: one sentence of version 11 says whose sender is meant.</summary>
    [Test]
    public async Task Pull_request_2024_changed_the_first_join_of_version_11()
    {
        if (!HasSpecification()) return;

        Assert.That(await RealDriftAsync("336b855d"), Is.EqualTo(new[] { "member.join.first changed in 11" }));
    }

    /// <summary>
    /// By hand: one sentence of every version with restricted joins. It is rule 4.3.5.2 until version 11, and 5.3.5.2
    /// in version 12.
    /// </summary>
    [Test]
    public async Task Pull_request_2220_changed_who_authorises_restricted_joins()
    {
        if (!HasSpecification()) return;

        Assert.That(await RealDriftAsync("b6a127b5"), Is.EqualTo(new[]
        {
            "member.join.restricted.authorising-user changed in 12",
            "member.join.restricted.authorising-user changed in 8,9,10,11",
        }));
    }

    [TestCase("12")]
    [TestCase("org.example.owned-state")]
    public async Task The_release_does_not_differ_from_itself(string version)
    {
        if (!HasSpecification()) return;

        var ran = await Command.RunAsync(
            "rules", "show", version, "--page", _specification!, "--revision", "b9c3d5ed3b");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.Not.Contain("> differs").And.Not.Contain("> not on the page"));
    }
}
