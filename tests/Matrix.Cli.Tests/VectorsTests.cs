using System.Diagnostics;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx vectors`: this implementation and other processes against files.</summary>
[NonParallelizable]
[Category("Slow")]
internal sealed class VectorsTests
{
    // The greeting of an implementation that knows redactions in version 1.
    private const string Greets =
        "read hello; echo '{\"matrix_vectors\":1,\"name\":\"n\",\"kinds\":[\"redaction\"],\"versions\":[\"1\"]}'; ";

    private static readonly string _vectors = Path.Combine(Repository.Root, "tests", "vectors");
    private static readonly string _published = Path.Combine(_vectors, "authorization", "published.json");
    private static readonly string _redaction = Path.Combine(_vectors, "event", "redaction.json");
    private static readonly string _answer = $"dotnet '{Command.Tool}' vectors answer";

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("mx-vectors").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string File(string text)
    {
        var file = Path.Combine(_folder, "vectors.json");
        System.IO.File.WriteAllText(file, text);
        return file;
    }

    private static Task<Ran> RunAgainst(string command, params string[] files) => RunFor("30", command, files);

    private static Task<Ran> RunFor(string timeout, string command, params string[] files) =>
        Command.RunAsync(["vectors", "run", "--against", command, "--timeout", timeout, "--format", "json", .. files]);

    private static int Number(Ran ran, string name) => ran.Json.GetProperty(name).GetInt32();

    private static IEnumerable<string> Told(Ran ran) =>
        ran.Json.GetProperty("complaints").EnumerateArray()
            .Select(complaint => complaint.GetProperty("what").GetString()!);

    [Test]
    public async Task Every_case_of_the_files_is_ok()
    {
        var ran = await Command.RunAsync("vectors", "check", _published, _redaction, "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(Number(ran, "differing"), Is.Zero);
        var results = ran.Json.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("result").GetString())
            .ToList();
        Assert.That(results, Has.Count.EqualTo(Number(ran, "vectors")).And.All.EqualTo("ok"));
    }

    [Test]
    public async Task A_differing_case_is_printed_with_its_place_and_both_answers_and_exit_code_1()
    {
        var file = File(
            System.IO.File.ReadAllText(_published)
            .Replace("\"power-levels.first\"", "\"power-levels.last\"", StringComparison.Ordinal));

        var ran = await Command.RunAsync("vectors", "check", file, "--differing");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(
            ran.Output,
            Does.Contain("cases[0]")
            .And.Contain("clause: expected \"power-levels.last\", found \"power-levels.first\""));
        Assert.That(ran.Output, Does.Not.Contain("cases[1]"));
    }

    [TestCase("{\"about\": \"a\",\n  \"kind\" 1}", "line 2, column 10")]
    [TestCase(
        """
        {"about": "a", "kind": "redaction", "cases": [{"name": "n", "versions": ["13"], "redacted": {}}]}
        """,
        "cases[0].versions[0]")]
    public async Task A_malformed_file_is_reported_with_the_position_and_exit_code_2(string text, string place)
    {
        var file = File(text);

        var ran = await Command.RunAsync("vectors", "check", _published, file);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.StartWith($"mx: {file}: {place}: expected ").And.Not.Contain("\n\n"));
        Assert.That(ran.Output, Is.Empty);
    }

    [Test]
    public async Task Another_implementation_is_asked_all_that_it_can_answer()
    {
        var ran = await RunAgainst(_answer, _published, _redaction, Path.Combine(_vectors, "json", "canonical.json"));

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That(ran.Json.GetProperty("evaluator").GetString(), Is.EqualTo("Matrix.Hybrid"));
        Assert.That(Number(ran, "agreed"), Is.GreaterThan(200));
        Assert.That(Told(ran), Is.Empty);
    }

    [Test]
    public async Task Wrong_answers_are_found_and_right_ones_beside_them_are_not()
    {
        var ran = await RunAgainst($"{_answer} | sed -u 's/\"allowed\":false/\"allowed\":true/'", _published);

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(Number(ran, "agreed"), Is.Positive);
        Assert.That(Number(ran, "findings"), Is.Positive);
        Assert.That(Told(ran), Is.All.EqualTo("allowed: expected false, found true"));
    }

    [Test]
    public async Task Members_that_are_ours_may_be_left_out()
    {
        var ran = await RunAgainst(
            $"{_answer} | sed -u 's/\"clause\"/\"org.example.clause\"/; s/\"reason\"/\"org.example.reason\"/'",
            _published);

        Assert.That(ran.Code, Is.Zero, ran.Output);
    }

    [Test]
    public async Task Unknown_kinds_are_not_asked_and_skipped_vectors_are_counted()
    {
        var knows = $"{_answer} | sed -u "
            + """'1s/"redaction"/"org.example"/; s/"answer":.*\(,"id":1}\)/"skip":"not today"\1/'""";
        var ran = await RunAgainst(knows, _published, _redaction);

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That(Number(ran, "unsupported"), Is.GreaterThan(50));
        Assert.That(Number(ran, "skipped"), Is.EqualTo(1));
        var left = ran.Json.GetProperty("left_out").EnumerateArray()
            .ToDictionary(row => row.GetProperty("why").GetString()!, row => row.GetProperty("vectors").GetInt32());
        Assert.That(left["not today"], Is.EqualTo(1));
        Assert.That(left["it does not know this kind"], Is.EqualTo(Number(ran, "unsupported")));
    }

    [Test]
    public async Task Totals_by_kind_and_version_add_up()
    {
        var ran = await RunAgainst($"{_answer} | sed -u '1s/\"1\",//'", _published, _redaction);

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        var totals = ran.Json.GetProperty("totals").EnumerateArray().ToList();
        int Sum(string column) => totals.Sum(row => row.GetProperty(column).GetInt32());
        Assert.That(Sum("agreed"), Is.EqualTo(Number(ran, "agreed")));
        Assert.That(Sum("vectors"), Is.EqualTo(Number(ran, "agreed") + Number(ran, "unsupported")));
        Assert.That(
            totals.Where(row => row.GetProperty("version").GetString() == "1")
            .Sum(row => row.GetProperty("agreed").GetInt32()), Is.Zero);
        Assert.That(
            ran.Json.GetProperty("left_out").EnumerateArray().Select(row => row.GetProperty("why").GetString()),
            Is.Not.Empty.And.All.EqualTo("it does not know room version 1"));
    }

    [Test]
    public async Task A_differing_answer_to_an_optional_vector_is_printed_and_does_not_fail()
    {
        var file = File("""
            {"about": "a", "kind": "power-level", "cases": [
             {"name": "a level", "version": "9", "value": 5, "level": 5},
             {"name": "left open", "version": "9", "value": "1_000", "level": 1000, "optional": "decision 24"}]}
            """);

        var ran = await RunAgainst(_answer, file);

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That((Number(ran, "agreed"), Number(ran, "findings"), Number(ran, "optional")), Is.EqualTo((1, 0, 1)));
        var left = ran.Json.GetProperty("optional_answers")[0];
        Assert.That(left.GetProperty("what").GetString(), Is.EqualTo("level: expected 1000, found null (decision 24)"));
    }

    [TestCase("exit 3", "ended before")]
    [TestCase("exec sleep 30", "no answer within 1.5 seconds")]
    [TestCase("echo hello", "expected a JSON object")]
    [TestCase("echo '{\"matrix_vectors\": 2}'", "expected 1")]
    [TestCase("cat", "'name' is missing")]
    [TestCase("cat /dev/zero", "more than 1048576 bytes")]
    [TestCase(Greets + "read q", "ended before")]
    [TestCase(Greets + "read q; exec sleep 30", "no answer")]
    [TestCase(
        Greets + "while read q; do echo '{\"id\":0,\"answer\":{}}'; done",
        "malformed reply: expected 1")]
    [TestCase(Greets + "while read q; do echo nonsense; done", "malformed reply")]
    [TestCase(Greets + "read q; echo '{\"id\":1,\"error\":\"what?\"}'", "error: what?")]
    public async Task A_process_that_dies_is_silent_or_sends_nonsense_fails(string command, string told)
    {
        // Only a silent process reaches the limit: the others need as long as the machine takes to start them.
        var timeout = command.EndsWith("sleep 30", StringComparison.Ordinal) ? "1.5" : "60";
        var ran = await RunFor(timeout, command, _redaction);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(Number(ran, "agreed"), Is.Zero);
        Assert.That(Told(ran).First(), Does.Contain(told));
        Assert.That(Number(ran, "findings"), Is.LessThanOrEqualTo(20));
        Assert.That(Number(ran, "not_asked") + Number(ran, "unsupported"), Is.Positive);
    }

    [Test]
    public async Task A_malformed_question_gets_an_error_and_the_next_one_is_answered()
    {
        var ran = await Command.RunInAsync(
            new Dictionary<string, string>(),
            """
            nonsense
            {"id":1,"kind":"song","question":{}}
            {"id":2,"kind":"power-level","question":{"version":"9","value":"7"}}

            """,
            "vectors",
            "answer");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var lines = ran.Output.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.That(lines, Has.Count.EqualTo(3));
        Assert.That(lines[0].TryGetProperty("error", out _), Is.True);
        Assert.That(lines[1].GetProperty("error").GetString(), Does.Contain("song"));
        Assert.That(lines[2].GetProperty("answer").GetProperty("level").GetInt32(), Is.EqualTo(7));
    }

    [Test]
    public async Task A_folder_means_the_files_in_it_and_a_file_without_vectors_is_refused()
    {
        var outline = Path.Combine(_vectors, "authorization-outline.json");

        System.IO.File.Copy(
            _redaction,
            Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "event")).FullName, "redaction.json"));
        System.IO.File.Copy(_published, Path.Combine(_folder, "published.json"));
        System.IO.File.Copy(outline, Path.Combine(_folder, Path.GetFileName(outline)));

        var folder = await Command.RunAsync("vectors", "check", _folder, "--format", "json");
        var none = await Command.RunAsync("vectors", "check", outline);

        Assert.That(folder.Code, Is.Zero, folder.Errors);
        Assert.That(Number(folder, "files"), Is.EqualTo(2));
        Assert.That(none.Code, Is.EqualTo(2));
        Assert.That(none.Errors, Does.StartWith($"mx: {outline}: the file: expected test vectors"));
    }

    [Test]
    public async Task A_folder_without_vectors_is_refused()
    {
        var ran = await Command.RunAsync("vectors", "check", _published, _folder);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((2, "")));
        Assert.That(ran.Errors, Does.StartWith($"mx: {_folder}: expected a folder with vectors"));
    }

    [Test]
    public async Task A_line_that_is_too_long_is_answered_before_it_has_ended_and_the_next_line_is_too()
    {
        using var answering = Process.Start(new ProcessStartInfo("dotnet", [Command.Tool, "vectors", "answer"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var input = answering.StandardInput;
        async Task<JsonElement> AnswerAsync() =>
            JsonDocument.Parse(
                (await answering.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)))!).RootElement;

        try
        {
            await input.WriteAsync(new string('x', 1_100_000));
            await input.FlushAsync();
            Assert.That((await AnswerAsync()).GetProperty("error").GetString(), Does.Contain("1048576 bytes"));

            await input.WriteAsync(
                new string('y', 1_100_000)
                + "\n{\"id\":2,\"kind\":\"power-level\",\"question\":{\"version\":\"9\",\"value\":\"7\"}}");
            input.Close();
            Assert.That((await AnswerAsync()).GetProperty("id").GetInt32(), Is.EqualTo(2));
        }
        finally
        {
            answering.Kill();
        }
    }

    [Test]
    public async Task Mutants_need_the_vectors_of_a_checkout()
    {
        var ran = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_HOME"] = _folder }, "", "rules", "mutate");

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.StartWith("mx: there is no tests/vectors here").And.Not.Contain("FILE"));
    }

    [Test]
    public async Task The_mutants_of_one_rule_are_tried_alone_and_an_unknown_rule_is_refused()
    {
        var home = new Dictionary<string, string> { ["MATRIX_HOME"] = Repository.Root };
        Task<Ran> Mutate(string rule) =>
            Command.RunInAsync(
                home, "", "rules", "mutate", "--room-version", "11", "--rule", rule, "--vectors-only", "--format",
                "json");

        var one = await Mutate("redaction.applied");
        var none = await Mutate("redaction.app");

        Assert.That(one.Code, Is.Zero, one.Errors);
        var rules = one.Json.GetProperty("mutants").EnumerateArray()
            .Select(mutant => mutant.GetProperty("rule").GetString()).Distinct();
        Assert.That(rules, Has.Exactly(3).Items.And.All.StartsWith("redaction.applied."));
        Assert.That(
            one.Json.TryGetProperty("stale", out _), Is.False, "the list of equivalent mutants is not about this rule");
        Assert.That(none.Code, Is.EqualTo(2));
        Assert.That(none.Errors, Does.Contain("redaction.app'"));
    }

    [Test]
    public async Task The_mutants_of_one_area_are_tried_alone_and_each_of_state_resolution_has_a_room()
    {
        var home = new Dictionary<string, string> { ["MATRIX_HOME"] = Repository.Root };
        Task<Ran> Mutate(string area) =>
            Command.RunInAsync(
                home, "", "rules", "mutate", "--room-version", "1", "--area", area, "--format", "json");

        var state = await Mutate("state");
        var rooms = await Mutate("rooms");
        var unknown = await Mutate("states");

        Assert.That(state.Code, Is.Zero, state.Errors);
        var mutants = state.Json.GetProperty("mutants").EnumerateArray().ToList();
        Assert.That(mutants, Has.Count.EqualTo(Number(state, "tried")).And.Count.GreaterThan(25));
        Assert.That(mutants, Has.Count.EqualTo(Number(state, "told_by_room")));
        foreach (var mutant in mutants)
        {
            Assert.That(mutant.GetProperty("id").GetString(), Does.StartWith("state-resolution/state.v1."));
            Assert.That(mutant.GetProperty("by").GetString(), Does.StartWith("a room of "));
        }

        Assert.That(rooms.Code, Is.EqualTo(2));
        Assert.That(rooms.Errors, Does.Contain("nothing is changed there"));
        Assert.That(unknown.Code, Is.EqualTo(2));
        Assert.That(unknown.Errors, Does.Contain("'states'"));
    }

    [Test]
    public async Task Every_mutant_of_the_membership_rules_is_killed_by_a_named_vector_or_listed_with_a_reason()
    {
        var home = new Dictionary<string, string> { ["MATRIX_HOME"] = Repository.Root };

        var ran = await Command.RunInAsync(
            home, "", "rules", "mutate", "--room-version", "12", "--rule", "member", "--vectors-only", "--format",
            "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var mutants = ran.Json.GetProperty("mutants").EnumerateArray().ToList();
        Assert.That(mutants, Has.Count.EqualTo(Number(ran, "tried")).And.Count.GreaterThan(400));
        foreach (var mutant in mutants)
        {
            var by = mutant.GetProperty("by").GetString();
            Assert.That(
                mutant.GetProperty("id").GetString(), Does.EndWith(mutant.GetProperty("mutation").GetString()!));
            Assert.That(mutant.GetProperty("rule").GetString(), Is.Not.Empty);
            Assert.That(
                by, mutant.GetProperty("status").GetString() == "killed" ? Does.StartWith("vector ")
                : Does.Contain("within the "));
        }
    }

    [Test]
    public async Task The_adapter_of_the_page_answers_what_it_knows_and_skips_the_rest()
    {
        var page = await System.IO.File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "vectors-adapter.md"));
        var code = page.Split("```python file=adapter.py\n")[1].Split("```")[0];
        var adapter = Path.Combine(_folder, "adapter.py");
        await System.IO.File.WriteAllTextAsync(adapter, code);

        var ran = await RunAgainst(
            $"python3 '{adapter}'", Path.Combine(_vectors, "json", "base64.json"),
            Path.Combine(_vectors, "event", "power-level.json"), _redaction);

        Assert.That(ran.Code, Is.Zero, ran.Output + ran.Errors);
        Assert.That(ran.Json.GetProperty("evaluator").GetString(), Is.EqualTo("adapter.py"));
        Assert.That(Number(ran, "agreed"), Is.GreaterThan(60));
        Assert.That(Number(ran, "skipped"), Is.GreaterThan(100));
        Assert.That(
            ran.Json.GetProperty("left_out").EnumerateArray().Select(row => row.GetProperty("why").GetString()),
            Is.EquivalentTo(new List<string> { "levels of versions before 10", "it does not know this kind" }));
        Assert.That(code.Split('\n'), Has.Length.LessThan(40));
    }
}
