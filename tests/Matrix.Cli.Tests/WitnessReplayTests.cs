using System.Text.Json;
using System.Text.RegularExpressions;
using Matrix.Processes;
using NUnit.Framework;

namespace Matrix.Cli.Tests;

/// <summary>
/// Gives only the printed text of each witness to `mx rules explain` or `mx state resolve`, and compares.
/// </summary>
[Category("Slow")]
internal sealed partial class WitnessReplayTests
{
    private string folder = "";

    [SetUp]
    public void Make() => folder = Directory.CreateTempSubdirectory("mx-witness").FullName;

    [TearDown]
    public void Remove() => Directory.Delete(folder, recursive: true);

    private string Written(string name, IEnumerable<string> lines)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, $"[{string.Join(',', lines)}]");
        return file;
    }

    [GeneratedRegex(@"^(\S+) (accepts|rejects) it: .*?([a-z0-9]+(?:[.-][a-z0-9-]+)*)\)?$")]
    private static partial Regex Verdict();

    [GeneratedRegex(@"^(\S+): (\S+)(?: \[(\S+)\])? resolves to (\S+?)(?:;.*)?$")]
    private static partial Regex Resolved();

    /// <summary>The lines below each difference, unwrapped; identical ones once.</summary>
    private static IEnumerable<List<string>> WitnessesOf(string output)
    {
        var seen = new HashSet<string>();
        var lines = new List<string>();
        foreach (var line in output.Split('\n').Append(""))
        {
            if (line.StartsWith("  > ", StringComparison.Ordinal))
            {
                lines.Add(line[4..]);
            }
            else if (line.StartsWith("      ", StringComparison.Ordinal) && lines.Count > 0)
            {
                lines[^1] += " " + line[6..];
            }
            else if (lines.Count > 0)
            {
                if (seen.Add(string.Join('\n', lines)))
                {
                    yield return lines;
                }

                lines = [];
            }
        }
    }

    /// <summary>The lines with this name for a version, or for both.</summary>
    private static List<string> Named(List<string> witness, string version, string name) => witness
        .Select(line => line.StartsWith($"{version} {name}: ", StringComparison.Ordinal)
            ? line[(version.Length + name.Length + 3)..]
            : line.StartsWith($"{name}: ", StringComparison.Ordinal) ? line[(name.Length + 2)..] : "")
        .Where(json => json.Length > 0)
        .ToList();

    private void ReplaysDecision(List<string> witness, string version)
    {
        var verdict = witness.Select(line => Verdict().Match(line))
            .Single(match => match.Success && match.Groups[1].Value == version);
        var auth = Written("auth.json", Named(witness, version, "auth event"));
        var state = Written("state.json", Named(witness, version, "state"));
        var ran = CalledCommand.Run(
            "rules", "explain", "--room-version", version, "--event",
            Written("event.json", Named(witness, version, "event")),
            "--auth", auth, "--state", state, "--format", "json");
        var printed = string.Join('\n', witness);

        Assert.That(ran.Code, Is.LessThan(2), $"{ran.Errors}\n{printed}");
        Assert.That(
            ran.Json.GetProperty("allowed").GetBoolean(), Is.EqualTo(verdict.Groups[2].Value == "accepts"), printed);
        Assert.That(ran.Json.GetProperty("clause").GetString(), Is.EqualTo(verdict.Groups[3].Value), printed);
    }

    private void ReplaysResolution(List<string> witness, string version)
    {
        var outcome = witness.Select(line => Resolved().Match(line))
            .Single(match => match.Success && match.Groups[1].Value == version);
        var pdus = Written("pdus.json", Named(witness, version, "pdu"));
        var one = Path.Combine(folder, "one.json");
        var other = Path.Combine(folder, "other.json");
        File.WriteAllText(one, Named(witness, version, "state of the one").Single());
        File.WriteAllText(other, Named(witness, version, "state of the other").Single());
        var ran = CalledCommand.Run(
            "state", "resolve", "--room-version", version, "--pdus", pdus, "--state", one, "--state", other,
            "--trust-event-ids");
        var printed = string.Join('\n', witness);

        Assert.That(ran.Code, Is.Zero, $"{ran.Errors}\n{printed}");
        var stands = ran.Json.EnumerateArray().SingleOrDefault(entry =>
            entry.GetProperty("type").GetString() == outcome.Groups[2].Value
            && entry.GetProperty("state_key").GetString() == outcome.Groups[3].Value);
        var id = stands.ValueKind == JsonValueKind.Undefined ? "nothing" : stands.GetProperty("event_id").GetString();
        Assert.That(id, Is.EqualTo(outcome.Groups[4].Value), printed);
    }

    [TestCase("1", "2", 25)]
    [TestCase("2", "3", 1)]
    [TestCase("5", "6", 2)]
    [TestCase("6", "7", 4)]
    [TestCase("7", "8", 4)]
    [TestCase("9", "10", 3)]
    [TestCase("10", "11", 1)]
    [TestCase("11", "12", 7)]
    [TestCase("1", "12", 40)]
    [TestCase("11", "org.example.owned-state", 1)]
    public async Task A_witness_is_replayed_from_its_printed_text(string first, string second, int atLeast)
    {
        var output = (await Command.RunAsync("rules", "diff", first, second, "--witness")).Output;
        var replayed = 0;
        foreach (var witness in WitnessesOf(output))
        {
            foreach (var version in new[] { first, second })
            {
                if (Named(witness, version, "event").Count > 0)
                {
                    ReplaysDecision(witness, version);
                    replayed++;
                }
                else if (Named(witness, version, "pdu").Count > 0)
                {
                    ReplaysResolution(witness, version);
                    replayed++;
                }
            }
        }

        Assert.That(replayed, Is.AtLeast(2 * atLeast));
    }
}
