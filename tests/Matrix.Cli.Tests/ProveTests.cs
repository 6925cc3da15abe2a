using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules prove`. What needs the solvers is checked where they are installed.</summary>
internal sealed class ProveTests
{
    private static readonly Dictionary<string, string> _ofCheckout = new() { ["MATRIX_HOME"] = Repository.Root };

    private DirectoryInfo _folder = null!;

    private static bool HasSolvers => new[] { "z3", "cvc5" }.All(static name =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, name))));

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("mx-prove-");

    [TearDown]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    [Test]
    public async Task Questions_are_written_for_any_solver_with_their_statement_in_words()
    {
        foreach (var part in new[] { "12/claims", "12/decided" })
        {
            var written = await Command.RunAsync("rules", "prove", "12", "--query", part, "--emit", _folder.FullName);
            Assert.That(written.Code, Is.Zero, written.Errors);
        }

        Assert.That(_folder.GetFiles("12-claims-*.smt2"), Has.Length.GreaterThan(70));
        var decided = await File.ReadAllTextAsync(Path.Combine(_folder.FullName, "12-decided.smt2"));
        Assert.That(decided, Does.StartWith("; 12/decided\n; In version 12 some clause decides every event.\n"));
        Assert.That(decided, Does.Contain("(set-logic ALL)").And.EndsWith("(check-sat)\n"));
    }

    [Test]
    public async Task A_name_that_no_query_has_is_refused()
    {
        var refused = await Command.RunAsync("rules", "prove", "12", "--query", "no-such-query");

        Assert.That(refused.Errors, Does.Contain("no query"));
    }

    [TestCase("11/decided")]
    [TestCase("11/any-order")]
    [TestCase("12/determined")]
    [TestCase("1/selection")]
    [TestCase("12/selection")]
    public async Task What_holds_of_every_event_is_proved(string query)
    {
        var version = query.Split('/')[0];

        if (await ProveAsync(version, "--query", query, "--format", "json") is not { } proved) return;

        Assert.That(proved.Json.GetProperty("proved").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task An_exception_is_needed_by_a_case_that_its_file_has()
    {
        const string Query = "12/needed/the-banned-do-not-join/first-join/1";

        var written = await Command.RunAsync("rules", "prove", "12", "--query", Query, "--emit", _folder.FullName);

        Assert.That(written.Code, Is.Zero, written.Errors);
        var file = _folder.GetFiles("*.case.smt2").Single();
        Assert.That(await File.ReadAllTextAsync(file.FullName), Does.Contain(Query).And.Contain("(check-sat)"));
        if (await ProveAsync("12", "--query", Query, "--again", "--format", "json") is not { } proved) return;

        Assert.That(proved.Json.GetProperty("proved").GetInt32(), Is.EqualTo(1), proved.Output);
        var row = proved.Json.GetProperty("queries")[0];
        Assert.That(row.GetProperty("z3").GetString(), Is.EqualTo("unsat"));
        Assert.That(row.GetProperty("cvc5").GetString(), Is.EqualTo("unsat"));
    }

    [Test]
    public async Task Every_question_about_the_rules_was_proved_as_it_stands()
    {
        var told = await Command.RunInAsync(_ofCheckout, "", "rules", "prove", "--kept", "--format", "json");

        Assert.That(told.Code, Is.Zero, told.Output);
        Assert.That(told.Json.GetProperty("kept").GetInt32(), Is.GreaterThan(2_000));
    }

    [Test]
    [Category("Slow")]
    public async Task Twenty_questions_that_the_commit_draws_are_proved_again()
    {
        var commit = await Repository.CommitAsync();

        if (await ProveAsync("--draw", commit, "--format", "json") is not { } proved) return;

        Assert.That(proved.Json.GetProperty("proved").GetInt32(), Is.EqualTo(20), proved.Output);
    }

    [Test]
    public async Task The_text_for_solvers_says_of_drawn_cases_what_the_evaluators_say()
    {
        var compared = await Command.RunInAsync(
            _ofCheckout, "", "rules", "prove", "12", "--cases", "50", "--format", "json");

        Assert.That(compared.Code, Is.Zero, compared.Output);
        Assert.That(compared.Json.GetProperty("differ").GetInt32(), Is.Zero);
        Assert.That(compared.Json.GetProperty("cases").GetInt32(), Is.GreaterThan(300));
    }

    [Test]
    public async Task A_mutant_that_is_listed_as_equivalent_changes_no_verdict()
    {
        if (await ProveAsync("11", "--mutants", "--query", "federate", "--format", "json") is not { } proved) return;

        Assert.That(proved.Output, Does.Contain("the-room-id-is-of-the-creators-server"));
    }

    [Test]
    public async Task A_clause_is_shown_with_a_case_that_it_decides()
    {
        if (await ProveAsync("12", "--clauses", "--query", "idle/member.join.only-self") is not { } shown) return;

        Assert.That(shown.Output, Does.Contain("12 rejects it").And.Contain("member.join.only-self"));
    }

    [TestCaseSource(nameof(WrongChanges))]
    [Category("Slow")]
    public async Task A_wrong_change_is_refused_with_the_claim_that_it_breaks_and_a_case(string change)
    {
        var table = await WrongTables.WriteAsync(_folder, change);

        var ran = await Command.RunAsync(
            "rules", "prove", table, "--time-limit", "300", "--format", "json");

        if (IsUnproved(ran)) return;
        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Json.GetProperty("result").GetString(), Is.EqualTo("refused"));
        var broken = ran.Json.GetProperty("broken").EnumerateArray().Select(r => r.GetProperty("claim").GetString());
        Assert.That(broken.Intersect(WrongTables.BrokenBy(change)), Is.Not.Empty, ran.Output);
        Assert.That(ran.Output, Does.Contain("the changed table"));
    }

    /// <summary>Two of them; all with PROVE_ALL, as `tests/operations/rules/wrong-changes` runs them.</summary>
    private static IEnumerable<string> WrongChanges() =>
        Environment.GetEnvironmentVariable("PROVE_ALL") is null ? WrongTables.Names.Take(2) : WrongTables.Names;

    [Test]
    public async Task A_table_that_the_lint_refuses_is_not_asked_about()
    {
        var file = Path.Combine(_folder.FullName, "table.json");
        await File.WriteAllTextAsync(file, """{"version":"12","rules":[]}""");

        var refused = await Command.RunAsync("rules", "prove", file);

        Assert.That(refused.Code, Is.EqualTo(2));
        Assert.That(refused.Errors, Does.Contain("leaves some events undecided"));
    }

    [Test]
    public async Task A_file_that_is_no_table_is_refused_with_the_position_of_its_fault()
    {
        var file = Path.Combine(_folder.FullName, "table.json");
        await File.WriteAllTextAsync(file, """{"version":"12","settings":{"creators":"everybody"}}""");

        var refused = await Command.RunAsync("rules", "prove", file);

        Assert.That(refused.Code, Is.EqualTo(2));
        Assert.That(refused.Errors, Does.Contain("settings.creators: expected a Creators, found \"everybody\""));
    }

    [Test]
    public async Task Version_3_accepts_everything_that_version_2_accepts()
    {
        var ran = await Command.RunAsync("rules", "diff", "2", "3", "--accepts", "--format", "json");

        if (HasSolvers) Assert.That(ran.Json.GetProperty("proved").GetInt32(), Is.EqualTo(1), ran.Output);
        else Assert.That(ran.Errors, Does.Contain("not proved here"));
    }

    [TestCase("2", "3", 1)]
    [TestCase("6", "7", 1)]
    [TestCase("9", "10", 3)]
    [Category("Slow")]
    public async Task Versions_give_the_same_verdict_outside_of_a_condition_with_the_fewest_atoms(
        string a, string b, int atoms)
    {
        var ran = await Command.RunAsync("rules", "diff", a, b, "--unless", "--format", "json");

        if (IsUnproved(ran)) return;
        Assert.That(ran.Code, Is.Zero, ran.Output);
        Assert.That(ran.Json.GetProperty("result").GetString(), Is.EqualTo("proved"));
        Assert.That(ran.Json.GetProperty("atoms").GetInt32(), Is.EqualTo(atoms));
        Assert.That(ran.Output, Does.Contain($"{a} accepts it").Or.Contain($"{a} rejects it"));
    }

    [Test]
    public async Task A_condition_is_not_sought_with_the_smallest_cases()
    {
        var refused = await Command.RunAsync("rules", "diff", "2", "3", "--unless", "--witness");

        Assert.That(refused.Code, Is.EqualTo(2));
        Assert.That(refused.Errors, Does.Contain("--unless: expected without"));
    }

    /// <summary>
    /// Proves, and expects success; null where the solvers are missing, which the command has to say.
    /// </summary>
    private static async Task<Ran?> ProveAsync(params string[] arguments)
    {
        var ran = await Command.RunAsync(["rules", "prove", .. arguments]);
        if (IsUnproved(ran)) return null;

        Assert.That(ran.Code, Is.Zero, ran.Output);
        return ran;
    }

    /// <summary>Whether nothing was proved because solvers are missing, which the command has to say.</summary>
    internal static bool IsUnproved(Ran ran)
    {
        if (HasSolvers) return false;

        Assert.That(ran.Errors, Does.Contain("not proved here"));
        return true;
    }
}
