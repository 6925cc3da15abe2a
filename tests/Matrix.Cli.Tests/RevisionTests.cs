using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>A version as a file and of a git revision, as `diff` and `prove` take it.</summary>
[Category("Slow")]
internal sealed class RevisionTests
{
    private RulesCheckout _checkout = null!;

    /// <summary>Five commits: no rules, rules, rules that do not compile, another form, and a wrong change.</summary>
    [OneTimeSetUp]
    public async Task MakeRepository()
    {
        _checkout = new RulesCheckout();
        await _checkout.GitAsync("init", "--quiet");
        await _checkout.GitAsync("commit", "--quiet", "--allow-empty", "--message", "no rules");
        await _checkout.GitAsync("tag", "empty");
        await _checkout.CommitAsync("rules");
        await _checkout.GitAsync("tag", "right");
        await _checkout.ChangeAsync(RulesCheckout.BanPower, "nothing");
        await _checkout.CommitAsync("does not compile");
        await _checkout.GitAsync("tag", "broken");
        await _checkout.ChangeAsync("nothing", RulesCheckout.AnyTarget);
        await _checkout.CommitAsync("equals may be banned");
    }

    [OneTimeTearDown]
    public void DeleteRepository() => _checkout.Dispose();

    [Test]
    public async Task A_revision_is_compared_in_every_form_of_output_and_compiled_once()
    {
        var text = await _checkout.RunAsync("rules", "diff", "HEAD:12", "12", "--area", "auth");
        var compiled = Directory.GetDirectories(_checkout.Cache).Select(folder => Directory.GetCreationTimeUtc(folder));
        var json = await _checkout.RunAsync("rules", "diff", "HEAD:12", "12", "--witness", "--format", "json");
        var markdown = await _checkout.RunAsync("rules", "diff", "12", "HEAD:12", "--format", "markdown");
        var stat = await _checkout.RunAsync("rules", "diff", "HEAD:12", "12", "--stat");

        Assert.That(text.Code, Is.Zero, text.Errors);
        Assert.That(text.Output, Does.StartWith("From room version HEAD:12 to room version 12\n"));
        Assert.That(text.Output, Does.Contain("~ member.ban.power: changed"));
        var change = json.Json.GetProperty("changes").EnumerateArray().Single();
        var halves = change.GetProperty("witness");
        Assert.That(
            (halves.GetProperty("first").GetProperty("version").GetString(),
                halves.GetProperty("first").GetProperty("accepted").GetBoolean(),
                halves.GetProperty("second").GetProperty("accepted").GetBoolean()),
            Is.EqualTo(("HEAD:12", true, false)));
        Assert.That(markdown.Output, Does.StartWith("# From room version 12 to room version HEAD:12"));
        Assert.That(stat.Output, Does.Match(@"auth +0 +0 +1 "));
        Assert.That(
            Directory.GetDirectories(_checkout.Cache).Select(folder => Directory.GetCreationTimeUtc(folder)),
            Is.EqualTo(compiled));
    }

    [Test]
    public async Task A_revision_that_is_as_this_program_differs_in_nothing()
    {
        var ran = await _checkout.RunAsync("rules", "diff", "right:12", "12", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("changes").GetArrayLength(), Is.Zero, ran.Output);
    }

    [Test]
    public async Task A_file_is_compared_under_its_name()
    {
        var shown = await Command.RunAsync("rules", "show", "12", "--format", "json");
        var tables = JsonNode.Parse(shown.Output)!.AsObject();
        tables["settings"]!["creator-power"] = "hundred-at-first";
        var file = Path.Combine(_checkout.Root, "changed.json");
        await File.WriteAllTextAsync(file, tables.ToJsonString());

        var ran = await Command.RunAsync("rules", "diff", "12", file, "--witness");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Output, Does.Contain("to room version changed.json").And.Contain("power.creators"));
    }

    [Test]
    public async Task A_revision_is_proved_or_refused_with_the_claim_that_it_breaks()
    {
        var ran = await _checkout.RunAsync("rules", "prove", "HEAD:12", "--time-limit", "300");

        if (ProveTests.IsUnproved(ran)) return;
        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Contain("only-the-stronger-ban"));
    }

    [TestCase("no-such-name:12", 2, "there is no revision 'no-such-name'")]
    [TestCase("empty:12", 2, "empty has no rules/Matrix.Rules")]
    [TestCase("right:13", 2, "right has no room version '13': expected one of 1, 2, ")]
    [TestCase("broken:12", 1, "the rules of broken do not compile: Authorization/Memberships.fs")]
    [TestCase("13", 2, "expected one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, org.example.owned-state, a file")]
    public async Task What_is_no_version_is_refused_in_words(string version, int code, string words)
    {
        var ran = await _checkout.RunAsync("rules", "diff", version, "12");

        Assert.That((ran.Code, ran.Output), Is.EqualTo((code, "")));
        Assert.That(ran.Errors, Does.Contain(words));
    }

    [Test]
    public async Task Rules_of_another_form_are_refused_with_what_is_missing()
    {
        foreach (var file in Directory.GetFiles(_checkout.Root, "*.fs", SearchOption.AllDirectories))
        {
            var source = await File.ReadAllTextAsync(file);
            await File.WriteAllTextAsync(
                file, source.Replace("HasStateKey", "IsStateEvent", StringComparison.Ordinal));
        }

        await _checkout.GitAsync("checkout", "--quiet", "-b", "other");
        await _checkout.CommitAsync("another word");
        await _checkout.GitAsync("checkout", "--quiet", "-");

        var ran = await _checkout.RunAsync("rules", "diff", "other:12", "12");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Output);
        Assert.That(
            ran.Errors,
            Does.Contain("the rules of other have a form that this mx does not know")
                .And.Contain("found \"is-state-event\""));
    }
}
