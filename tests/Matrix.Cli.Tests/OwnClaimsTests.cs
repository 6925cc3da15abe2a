using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>Claims of one's own: one text for drawn cases, the small worlds and the solvers.</summary>
internal sealed class OwnClaimsTests
{
    private const string Messages = """{"says":{"type-is":"m.room.message"}}""";
    private const string SenderIsJoined = """{"says":{"membership-in":["sender",["join"]]}}""";
    private const string SenderIsBanned = """{"says":{"membership-in":["sender",["ban"]]}}""";

    private DirectoryInfo _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("mx-claims-");

    [TearDown]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    private string Write(string premise, string conclusion, string more = "")
    {
        var file = Path.Combine(_folder.FullName, "claims.json");
        File.WriteAllText(file, $$"""
            {"claims": [{"name": "my-claim", "sentence": "What I think.", "section": "an intent", "reason": "A test.",
              {{more}} "when": {"all": ["allowed", {{premise}}]}, "then": {{conclusion}}}]}
            """);
        return file;
    }

    [Test]
    [Category("Slow")]
    public async Task A_claim_that_holds_is_judged_on_drawn_cases_and_in_small_worlds_with_the_number_of_each()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "12", "--claims", Write(Messages, SenderIsJoined), "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        var lines = ran.Json.GetProperty("properties").EnumerateArray().ToDictionary(
            line => line.GetProperty("name").GetString()!, line => line.GetProperty("met").GetInt64());
        Assert.That(lines.Keys, Is.EquivalentTo(new[] { "claims.my-claim", "claims.my-claim.of-drawn-cases" }));
        Assert.That(lines.Values, Has.All.Positive);
    }

    [Test]
    [Category("Slow")]
    public async Task A_claim_that_does_not_hold_is_refused_with_the_smallest_case()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "11", "--claims", Write(Messages, SenderIsBanned));

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Match(@"FAILED +claims\.my-claim .* versions 11"));
        Assert.That(
            ran.Output, Does.Contain("What I think.").And.Contain("does not hold of").And.Contain("accepted by"));
    }

    [Test]
    [Category("Slow")]
    public async Task A_claim_about_no_decision_is_a_finding()
    {
        var ran = await Command.RunAsync(
            "rules", "verify", "--room-version", "12",
            "--claims", Write($$"""{"all":[{{Messages}},{"says":"has-state-key"}]}""", SenderIsJoined));

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Contain("no decision in the survey is one that it is about"));
    }

    [Test]
    public async Task The_same_text_is_proved_or_refuted_by_a_case()
    {
        var proved = await Command.RunAsync(
            "rules", "prove", "12", "--claims", Write(Messages, SenderIsJoined), "--format", "json");
        if (ProveTests.IsUnproved(proved)) return;

        var refuted = await Command.RunAsync("rules", "prove", "12", "--claims", Write(Messages, SenderIsBanned));

        Assert.That(proved.Json.GetProperty("proved").GetInt32(), Is.EqualTo(1), proved.Output);
        Assert.That(refuted.Code, Is.EqualTo(1), refuted.Errors);
        Assert.That(refuted.Output, Does.Contain("12/claims/my-claim").And.Contain("12 accepts it"));
    }

    [Test]
    public async Task The_claims_of_a_version_are_read_back_from_what_is_printed()
    {
        var file = Path.Combine(_folder.FullName, "claims.json");
        var printed = await Command.RunAsync("rules", "claims", "12", "--format", "json");
        await File.WriteAllTextAsync(file, printed.Output);

        var written = await Command.RunAsync(
            "rules", "prove", "12", "--claims", file, "--emit", Path.Combine(_folder.FullName, "questions"));

        Assert.That(written.Code, Is.Zero, written.Errors);
        Assert.That(
            Directory.GetFiles(Path.Combine(_folder.FullName, "questions")),
            Has.Length.EqualTo(printed.Json.GetProperty("claims").GetArrayLength()));
    }

    [TestCase("verify")]
    [TestCase("prove")]
    public async Task What_is_no_claim_is_refused_with_its_place(string command)
    {
        string[] version = command == "verify" ? ["--room-version", "12"] : ["12"];

        var level = await Command.RunAsync(
            ["rules", command, .. version, "--claims", Write(Messages, """{"says":"new-is-no-level"}""")]);
        var other = await Command.RunAsync(
            ["rules", command, .. version, "--claims", Write(Messages, SenderIsJoined, """ "until": 5, """)]);

        Assert.That((level.Code, level.Output), Is.EqualTo((2, "")));
        Assert.That(level.Errors, Does.Contain("claims.json: claims[0].then.says: my-claim: it has words"));
        Assert.That((other.Code, other.Output), Is.EqualTo((2, "")));
        Assert.That(other.Errors, Does.Contain("no claim in it is about version 12"));
    }
}
