using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules prove`. What needs the solvers is checked where they are installed.</summary>
internal sealed class ProveTests
{
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
        var written = await Command.RunAsync("rules", "prove", "12", "--emit", _folder.FullName);

        Assert.That(written.Code, Is.Zero);
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
    public async Task What_holds_of_every_event_is_proved(string query)
    {
        var version = query.Split('/')[0];

        if (await ProveAsync(version, "--query", query, "--format", "json") is not { } proved) return;

        Assert.That(proved.Json.GetProperty("proved").GetInt32(), Is.EqualTo(1));
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

    /// <summary>
    /// Proves, and expects success; null where the solvers are missing, which the command has to say.
    /// </summary>
    private static async Task<Ran?> ProveAsync(params string[] arguments)
    {
        var ran = await Command.RunAsync(["rules", "prove", .. arguments]);
        if (HasSolvers)
        {
            Assert.That(ran.Code, Is.Zero, ran.Output);
            return ran;
        }

        Assert.That(ran.Errors, Does.Contain("not proved here"));
        return null;
    }
}
