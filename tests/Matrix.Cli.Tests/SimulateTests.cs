using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx simulate`.</summary>
[Category("Slow")]
internal sealed class SimulateTests
{
    private const string Quiet = """
        {
          "room_version": "11", "servers": 3, "byzantine_server": -1, "gives_false_states": false, "seed": "2a",
          "walk": 100,
          "delay_from": 5, "delay_to": 50, "late_per_mille": 0, "loss_per_mille": 0, "duplicate_per_mille": 0,
          "troubles": [ {"trouble": "crash", "server": 1, "from": 100, "until": 400} ],
          "operations": [
            {"act": "topic", "at": 10, "server": 1, "actor": 0, "target": 0, "level": 1},
            {"act": "message", "at": 200, "server": 2, "actor": 0, "target": 0, "level": 2}
          ]
        }
        """;

    [Test]
    public async Task A_run_without_violation_prints_what_was_compared()
    {
        var ran = await Command.RunAsync(
            "simulate", "--seeds", "2", "--events", "60", "--seed", "7", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("seeds").GetInt32(), Is.EqualTo(2));
        Assert.That(ran.Json.GetProperty("failing_seeds").GetInt32(), Is.Zero);
        Assert.That(ran.Json.GetProperty("states_compared").GetInt32(), Is.GreaterThan(50));
    }

    [Test]
    public async Task Seeds_take_the_versions_in_turn_and_are_counted_for_each()
    {
        var ran = await Command.RunAsync(
            "simulate", "--room-version", "1", "--room-version", "12", "--seeds", "3", "--events", "40", "--format",
            "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var versions = ran.Json.GetProperty("versions").EnumerateArray().ToList();
        Assert.That(
            versions.Select(v => (v.GetProperty("room_version").GetString(), v.GetProperty("seeds").GetInt32())),
            Is.EqualTo(new[] { ("1", 2), ("12", 1) }));
        Assert.That(versions.Sum(v => v.GetProperty("states_compared").GetInt32()),
            Is.EqualTo(ran.Json.GetProperty("states_compared").GetInt32()));

        // A seed gives the same history when its version runs alone.
        var alone = await Command.RunAsync(
            "simulate", "--room-version", "12", "--seed", "2", "--events", "40", "--format", "json");
        Assert.That(
            versions[1].GetProperty("decisions").GetInt32(),
            Is.EqualTo(alone.Json.GetProperty("decisions").GetInt32()));
    }

    [Test]
    public async Task A_run_without_servers_to_compare_is_counted()
    {
        var one = Path.GetTempFileName();
        await File.WriteAllTextAsync(one, Quiet.Replace("\"servers\": 3", "\"servers\": 1", StringComparison.Ordinal));
        var alone = await Command.RunAsync("simulate", "--replay", one, "--format", "json");
        var many = await Command.RunAsync("simulate", "--seeds", "2", "--events", "20", "--format", "json");
        File.Delete(one);

        Assert.That(alone.Json.GetProperty("seeds_unsettled").GetInt32(), Is.EqualTo(1), alone.Errors);
        Assert.That(many.Json.GetProperty("seeds_unsettled").GetInt32(), Is.Zero);
    }

    [Test]
    public async Task The_same_seed_prints_the_same()
    {
        async Task<string> Once()
        {
            var ran = await Command.RunAsync(
                "simulate", "--events", "60", "--seed", "3", "--room-version", "6", "--format", "json");
            return string.Join(
                "\n", ran.Output.Split('\n').Where(line => !line.Contains("\"seconds\"", StringComparison.Ordinal)));
        }

        var first = await Once();
        var second = await Once();
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public async Task A_history_is_replayed_from_its_file()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Quiet);
        var ran = await Command.RunAsync("simulate", "--replay", file, "--format", "json");
        File.Delete(file);

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("crashes").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task The_protocol_of_several_nodes_is_explored_and_its_size_printed()
    {
        var ran = await Command.RunAsync(
            "simulate", "cluster", "--world", "one-room", "--requests", "1", "--faults", "0", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var world = ran.Json.GetProperty("worlds")[0];
        Assert.That(world.GetProperty("whole").GetBoolean(), Is.True);
        Assert.That(world.GetProperty("states").GetInt32(), Is.GreaterThan(100));
    }

    [Test]
    public async Task A_guard_of_the_protocol_that_is_left_out_is_told_in_steps()
    {
        var ran = await Command.RunAsync("simulate", "cluster", "--without", "answers", "--format", "json");

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Json.GetProperty("fails").GetString(), Is.EqualTo("cluster.answered-is-stored"));
        Assert.That(
            ran.Json.GetProperty("steps").EnumerateArray().Last().GetProperty("what").GetString(),
            Is.EqualTo("A sends the commit."));
    }

    [Test]
    public async Task Walks_of_the_protocol_are_counted()
    {
        var ran = await Command.RunAsync(
            "simulate", "cluster", "--walks", "2", "--steps", "50", "--seed", "3", "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("walks").GetInt32(), Is.EqualTo(2));
        Assert.That(ran.Json.GetProperty("failing_walks").GetInt32(), Is.Zero);
        Assert.That(ran.Json.GetProperty("steps_taken").GetInt32(), Is.GreaterThan(50));
    }

    [TestCase("\"servers\": 3", "\"servers\": 300", "$.servers")]
    [TestCase("\"byzantine_server\": -1", "\"byzantine_server\": 3", "$.byzantine_server")]
    [TestCase("\"delay_to\": 50", "\"delay_to\": 4", "$.delay_to")]
    [TestCase("\"act\": \"topic\"", "\"act\": \"sing\"", "$.operations[0].act")]
    [TestCase("\"loss_per_mille\": 0, ", "", "$.loss_per_mille")]
    public async Task A_malformed_history_is_reported_with_its_file_and_position(
        string right, string wrong, string place)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Quiet.Replace(right, wrong, StringComparison.Ordinal));
        var ran = await Command.RunAsync("simulate", "--replay", file);
        File.Delete(file);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain(file).And.Contain(place).And.Contain("expected"));
    }
}
