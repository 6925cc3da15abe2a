using System.Diagnostics;
using System.Text;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules check`: what a change does, in one command.</summary>
[Category("Slow")]
internal sealed class CheckTests
{
    private const string Time = "300";

    private RulesCheckout _checkout = null!;

    [SetUp]
    public void MakeCheckout() => _checkout = new RulesCheckout();

    [TearDown]
    public void DeleteCheckout() => _checkout.Dispose();

    [TestCaseSource(typeof(WrongTables), nameof(WrongTables.Names))]
    public async Task A_wrong_change_of_a_file_is_refused_with_the_claim_that_it_breaks_and_a_case(string change)
    {
        var file = await WrongTables.WriteAsync(new DirectoryInfo(_checkout.Root), change);

        var ran = await Command.RunAsync("rules", "check", file, "--time-limit", Time, "--format", "json");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Json.GetProperty("against").GetString(), Is.EqualTo("12"));
        Assert.That(ran.Json.GetProperty("rows_changed").GetInt32(), Is.Positive);
        var broken = ran.Json.GetProperty("claims_broken").EnumerateArray()
            .Select(row => row.GetProperty("claim").GetString());
        Assert.That(broken.Intersect(WrongTables.BrokenBy(change)), Is.Not.Empty, ran.Output);
        Assert.That(ran.Json.GetProperty("cases_against_claims").GetArrayLength(), Is.GreaterThan(2));
    }

    [Test]
    public async Task A_version_of_the_checkout_is_compiled_and_compared_with_its_parent()
    {
        await _checkout.ChangeAsync(RulesCheckout.BanPower, RulesCheckout.AnyTarget);

        var wrong = await _checkout.RunAsync("rules", "check", "12", "--against", "11", "--time-limit", Time);
        await _checkout.ChangeAsync(RulesCheckout.AnyTarget, RulesCheckout.BanPower);
        var right = await _checkout.RunAsync("rules", "check", "org.example.owned-state", "--time-limit", Time);

        Assert.That(wrong.Code, Is.EqualTo(1), wrong.Errors);
        Assert.That(wrong.Output, Does.Contain("only-the-stronger-ban"));
        Assert.That(right.Code, Is.Zero, right.Output + right.Errors);
        Assert.That(
            right.Output, Does.Match(@"(?s)against: 11.*state-key-user +changed.*smallest case \(weight 4\)"));
        Assert.That(right.Output, Does.Match("claims broken: 0"));
    }

    [Test]
    public async Task Rules_that_do_not_compile_are_a_typed_error()
    {
        await _checkout.ChangeAsync(RulesCheckout.BanPower, "nothing");

        var ran = await _checkout.RunAsync("rules", "check", "12", "--time-limit", Time);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((1, "")));
        Assert.That(ran.Errors, Does.Contain("do not compile: Authorization/Memberships.fs(").And.Contain("nothing"));
    }

    [Test]
    public async Task A_table_that_the_lint_refuses_is_not_checked_further()
    {
        var file = Path.Combine(_checkout.Root, "table.json");
        await File.WriteAllTextAsync(file, """{"version":"12","rules":[]}""");

        var ran = await Command.RunAsync("rules", "check", file);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Contain("leaves some events undecided").And.Not.Contain("rows changed"));
    }

    [Test]
    public async Task Claims_of_ones_own_are_judged_with_the_others()
    {
        var claims = Path.Combine(_checkout.Root, "claims.json");
        await File.WriteAllTextAsync(claims, """
            {"claims": [{"name": "nobody-bans", "sentence": "No ban is accepted.", "section": "an intent",
              "reason": "A test.", "when": {"says": {"membership-is": "ban"}}, "then": {"not": "allowed"}}]}
            """);
        var file = Path.Combine(_checkout.Root, "table.json");
        await File.WriteAllTextAsync(file, """{"version":"12"}""");

        var ran = await Command.RunAsync("rules", "check", file, "--claims", claims, "--time-limit", Time);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Match(@"nobody-bans +\d+ +0 +broken").And.Contain("No ban is accepted."));
    }

    [Test]
    public async Task A_run_ends_with_its_limit()
    {
        var ran = await _checkout.RunAsync("rules", "check", "12", "--time-limit", "1");

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(ran.Errors, Does.Contain("not finished in 1 seconds"));
    }

    [Test]
    [CancelAfter(600_000)]
    public async Task A_watched_file_is_checked_after_each_save_until_it_is_ended(CancellationToken stop)
    {
        var file = Path.Combine(_checkout.Root, "table.json");
        await File.WriteAllTextAsync(file, """{"version":"12"}""", stop);
        using var watching = Process.Start(new ProcessStartInfo(
            "dotnet", [Command.Tool, "rules", "check", file, "--watch", "--time-limit", Time])
        {
            RedirectStandardOutput = true,
        })!;

        await ReadUntilAsync(watching.StandardOutput, "again after each save", stop);
        await File.WriteAllTextAsync(file, """{"version":"12","rules":[]}""", stop);
        var second = await ReadUntilAsync(watching.StandardOutput, "again after each save", stop);
        Signals.SendTerminate(watching.Id);
        await watching.WaitForExitAsync(stop);

        Assert.That(second, Does.Contain("leaves some events undecided"));
        Assert.That(watching.ExitCode, Is.Zero);
    }

    private static async Task<string> ReadUntilAsync(StreamReader output, string words, CancellationToken stop)
    {
        var read = new StringBuilder();
        while (await output.ReadLineAsync(stop) is { } line)
        {
            read.AppendLine(line);
            if (line.Contains(words, StringComparison.Ordinal)) break;
        }

        return read.ToString();
    }
}
