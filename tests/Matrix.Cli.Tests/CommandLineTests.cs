using System.Reflection;
using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>Properties of every command.</summary>
internal sealed partial class CommandLineTests
{
    /// <summary>Every command, with words of its help.</summary>
    private static readonly Dictionary<string, string[]> _levels = new()
    {
        [""] = ["config", "user", "db", "vectors", "rules", "completion", "simulate", "state", "event", "explain",
            "room", "reports", "audit", "job", "token", "report", "media", "federation", "notice", "cluster", "keys",
            "import", "version"],
        ["import"] = ["synapse", "verify"],
        ["import synapse"] =
        [
            "--config", "--synapse-folder", "--moved", "--data-dir", "--database", "--check", "--rehearse",
            "--media-first",
            "--without-history", "--without-empty-rooms", "--remote-media", "--copy-media", "--accept", "--format",
        ],
        ["import verify"] =
            ["--config", "--synapse-folder", "--moved", "--data-dir", "--database", "--check-rules", "--format"],
        ["config"] = ["check", "default"],
        ["config check"] = ["FILE", "--format"],
        ["config default"] = ["--server-name"],
        ["user"] =
        [
            "create", "list", "show", "rooms", "devices", "reset-password", "deactivate", "make-admin",
            "unmake-admin", "redact", "lock", "unlock", "suspend", "unsuspend",
        ],
        ["user create"] = ["NAME", "--admin", "--password-stdin", "--server"],
        ["user lock"] = ["ID", "--config", "--format"],
        ["user unlock"] = ["ID", "--config", "--format"],
        ["user suspend"] = ["ID", "--config", "--format"],
        ["user unsuspend"] = ["ID", "--config", "--format"],
        ["backup"] = ["DIR", "--key", "--new-key", "--keep", "--config", "--format"],
        ["restore"] = ["DIR", "--list", "--at", "--key", "--config", "--format"],
        ["db"] = ["backup", "copy", "compact", "sizes"],
        ["db copy"] = ["--to", "--config", "--format"],
        ["db compact"] = ["--config", "--format"],
        ["db backup"] = ["FILE", "--config"],
        ["db sizes"] = ["--rooms", "<text|json|markdown>"],
        ["vectors"] = ["check", "run", "answer", "generate"],
        ["vectors check"] = ["FILE", "--differing"],
        ["vectors run"] = ["--against", "--timeout", "tests/vectors/FORMAT.md"],
        ["vectors answer"] = ["USAGE: mx vectors answer"],
        ["vectors generate"] = ["DIR", "--check"],
        ["rules"] = ["list", "show", "diff", "history", "print", "explain", "claims", "verify", "coverage", "html",
            "mutate", "prove", "check", "sentences", "drift", "msc"],
        ["rules check"] = ["VERSION", "--against", "--claims", "--watch", "--time-limit", "--format"],
        ["rules prove"] =
        [
            "VERSION", "--query", "--clauses", "--mutants", "--claims", "--time-limit", "--emit", "--format",
        ],
        ["rules list"] = ["--format"],
        ["rules show"] = ["VERSION", "--area", "--page", "--revision", "--base", "--format"],
        ["rules sentences"] = ["PATH", "--base", "--write", "--format"],
        ["rules drift"] = ["PATH", "--between", "OLD", "NEW", "--base", "--format"],
        ["rules msc"] = ["NAME"],
        ["rules diff"] = ["A", "B", "--area", "--witness", "--stat", "--accepts", "--format"],
        ["rules history"] = ["CLAUSE", "--format"],
        ["rules print"] = ["DIR"],
        ["rules explain"] = ["--room-version", "--event", "--auth", "--state", "--all-versions", "--full"],
        ["rules lint"] = ["--format"],
        ["rules claims"] = ["VERSION", "--format"],
        ["rules verify"] = ["--room-version", "--property", "--claims", "--exhaustive", "--seed"],
        ["rules coverage"] = ["--room-version", "--exhaustive"],
        ["rules html"] = ["DIR", "--only"],
        ["rules mutate"] = ["--room-version", "--area", "--rule", "--vectors-only", "--format"],
        ["completion"] = ["bash|zsh|fish"],
        ["simulate"] = ["--servers", "--events", "--seeds", "--faults", "--replay", "--room-version", "cluster"],
        ["simulate cluster"] =
        [
            "--world", "--requests", "--faults", "--gives", "--most", "--walks", "--steps", "--seed", "--without",
            "--format",
        ],
        ["state"] = ["resolve"],
        ["state resolve"] = ["--room-version", "--pdus", "--state", "--explain"],
        ["event"] = ["canonical", "hash", "id", "redact", "sign", "verify"],
        ["event canonical"] = ["FILE", "--room-version"],
        ["event hash"] = ["FILE", "--room-version"],
        ["event id"] = ["FILE", "--room-version"],
        ["event redact"] = ["FILE", "--room-version"],
        ["event sign"] = ["FILE", "--room-version", "--key", "--server"],
        ["event verify"] = ["FILE", "--room-version", "--keys", "--public-key"],
        ["explain"] = ["EVENT ID", "--full", "--config", "--format"],
        ["room"] =
        [
            "graph", "list", "show", "members", "media", "delete", "purge-history", "block", "unblock", "make-admin",
            "join",
        ],
        ["room graph"] = ["ROOM", "--svg", "--dot", "--events", "--config", "--format"],
        ["reports"] = ["--before", "--limit", "--config", "--format"],
        ["audit"] = ["--who", "--action", "--target", "--before", "--limit", "--config", "--format"],
        ["media"] = ["list", "delete", "quarantine", "release", "purge-remote"],
        ["media list"] = ["--user", "--origin", "--quarantined", "--after", "--limit", "--config", "--format"],
        ["media delete"] = ["URI", "--user", "--config"],
        ["media quarantine"] = ["URI", "--config"],
        ["media release"] = ["URI", "--config"],
        ["federation"] = ["check", "list", "show", "retry"],
        ["federation check"] = ["SERVER", "--config", "--format"],
        ["federation list"] = ["--config", "--format"],
        ["federation show"] = ["SERVER", "--config", "--format"],
        ["federation retry"] = ["ID", "--config", "--format"],
        ["notice"] = ["send"],
        ["notice send"] = ["USER", "TEXT", "--pin", "--config"],
        ["cluster"] = ["status", "drain", "remove"],
        ["cluster status"] = ["--config", "--format"],
        ["cluster drain"] = ["--config", "--format"],
        ["cluster remove"] = ["ID", "--config", "--format"],
        ["keys"] = ["generate", "rotate"],
        ["keys generate"] = ["--out", "--key-version"],
        ["keys rotate"] = ["--key-version", "--config", "--format"],
        ["job"] = ["list", "show", "wait", "cancel"],
        ["job cancel"] = ["ID", "--config", "--format"],
        ["job list"] = ["--search", "--from", "--limit", "--config", "--format"],
        ["job show"] = ["ID", "--config", "--format"],
        ["job wait"] = ["ID", "--config", "--format"],
        ["media purge-remote"] = ["--before", "--config", "--format"],
        ["report"] = ["list", "show", "delete"],
        ["report delete"] = ["ID", "--config", "--format"],
        ["report list"] = ["--search", "--from", "--limit", "--config", "--format"],
        ["report show"] = ["ID", "--config", "--format"],
        ["room block"] = ["ID", "--config", "--format"],
        ["room delete"] =
        [
            "ROOM", "--block", "--no-purge", "--force", "--new-room-user", "--room-name", "--message", "--no-wait",
            "--config", "--format",
        ],
        ["room join"] = ["ROOM", "USER", "--config", "--format"],
        ["room list"] = ["--search", "--from", "--limit", "--config", "--format"],
        ["room make-admin"] = ["ROOM", "USER", "--config", "--format"],
        ["room media"] = ["ID", "--config", "--format"],
        ["room members"] = ["ID", "--config", "--format"],
        ["room purge-history"] = ["ROOM", "--before", "--until", "--local", "--no-wait", "--config", "--format"],
        ["room show"] = ["ID", "--config", "--format"],
        ["room unblock"] = ["ID", "--config", "--format"],
        ["token"] = ["list", "create", "delete"],
        ["token create"] = ["--token", "--uses", "--expires", "--config", "--format"],
        ["token delete"] = ["ID", "--config", "--format"],
        ["token list"] = ["--search", "--from", "--limit", "--config", "--format"],
        ["user deactivate"] = ["USER", "--erase", "--config", "--format"],
        ["user devices"] = ["ID", "--config", "--format"],
        ["user list"] = ["--search", "--from", "--limit", "--config", "--format"],
        ["user make-admin"] = ["ID", "--config", "--format"],
        ["user redact"] = ["USER", "--reason", "--limit", "--no-wait", "--config", "--format"],
        ["user reset-password"] = ["USER", "--password-stdin", "--keep-sessions", "--config", "--format"],
        ["user rooms"] = ["ID", "--config", "--format"],
        ["user show"] = ["ID", "--config", "--format"],
        ["user unmake-admin"] = ["ID", "--config", "--format"],
        ["version"] = ["--format"],
    };

    private static IEnumerable<string> Levels => _levels.Keys;

    [TestCaseSource(nameof(Levels))]
    public async Task Every_command_has_help(string command)
    {
        var ran = await Command.RunAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        foreach (var name in _levels[command])
        {
            Assert.That(ran.Output, Does.Contain(name));
        }
    }

    [Test]
    public async Task A_shell_completes_exactly_these_commands()
    {
        var script = (await Command.RunAsync("completion", "bash")).Output;

        Assert.That(Level().Matches(script).Select(match => match.Groups[1].Value).Append(""), Is.EquivalentTo(Levels));
    }

    [GeneratedRegex(@"' ([a-z -]+)'\) path=")]
    private static partial Regex Level();

    /// <summary>`mx` does not check the declarations at start, which would take a third of the time.</summary>
    [Test]
    public void The_argument_declarations_are_valid()
    {
        // The tests do not reference `mx`, so its assemblies are loaded from its folder.
        var arguments = Assembly.LoadFrom(Command.Tool).GetType("Matrix.Cli.Arguments", throwOnError: true)!;
        var parser = Assembly.LoadFrom(Path.Combine(Path.GetDirectoryName(Command.Tool)!, "Argu.dll"))
            .GetType("Argu.ArgumentParser`1", throwOnError: true)!;

        Assert.DoesNotThrow(() => parser.MakeGenericType(arguments).GetMethod("CheckStructure")!.Invoke(null, null));
    }

    [TestCase("", "no valid subcommand")]
    [TestCase("sing", "'sing'")]
    [TestCase("db", "no valid subcommand")]
    [TestCase("db backup", "FILE")]
    [TestCase("db backup a b", "'b'")]
    [TestCase("db sizes --rooms many", "--rooms")]
    [TestCase("db sizes --rooms -1", "--rooms")]
    [TestCase("db sizes --format xml", "--format")]
    [TestCase("user create", "NAME")]
    [TestCase("user create alice --server nowhere", "--server")]
    [TestCase("config check /no/such/file", "there is no such file")]
    [TestCase("vectors check", "FILE")]
    [TestCase("vectors check /no/such/file", "there is no such file")]
    [TestCase("vectors run", "--against")]
    [TestCase("vectors generate /no/such/folder", "there is no such folder")]
    [TestCase("rules mutate --room-version 13", "13")]
    [TestCase("vectors run --against true --timeout 0", "--timeout")]
    [TestCase("db sizes --config /no/such/file", "there is no such file")]
    [TestCase("simulate --servers 1", "--servers")]
    [TestCase("simulate --events -1", "--events")]
    [TestCase("simulate --seeds 0", "--seeds")]
    [TestCase("simulate --faults rain", "'rain'")]
    [TestCase("simulate --room-version 99", "'99'")]
    [TestCase("simulate --replay /no/such/file", "there is no such file")]
    [TestCase("simulate --replay /tmp", "/tmp: this is a folder")]
    [TestCase(
        "simulate --replay /no/such/file --seeds 12 --room-version all", "--replay, --seeds: expected one of them")]
    [TestCase("simulate --replay /no/such/file --out /tmp/x", "--replay, --out: expected one of them")]
    [TestCase("simulate --out /no/such/folder/x", "/no/such/folder/x: there is no such folder")]
    [TestCase("simulate --seeds 11 --room-version all", "--seeds: expected 12 to")]
    [TestCase("simulate --room-version 11 --room-version 99", "'99'")]
    [TestCase("simulate cluster --world moon", "'moon'")]
    [TestCase("simulate cluster --without luck", "'luck'")]
    [TestCase("simulate cluster --requests 0", "--requests")]
    [TestCase("simulate cluster --faults 9", "--faults")]
    [TestCase("simulate cluster --walks 5 --world one-room", "--walks, --world: expected one of them")]
    [TestCase("simulate cluster --steps 5", "--steps: expected with --walks")]
    [TestCase("event id --room-version 12 /proc/self/mem", "/proc/self/mem: expected a file that can be read")]
    [TestCase("event id --room-version 12 /dev/zero", "/dev/zero: expected at most")]
    [TestCase(
        "rules explain --all-versions --room-version 11 --event x",
        "--all-versions, --room-version: expected one of them")]
    [TestCase("keys generate --out /tmp", "/tmp: this is a folder")]
    [TestCase("keys generate --out /no/such/folder/x", "/no/such/folder/x: there is no such folder")]
    [TestCase("rules print /proc/self/x", "/proc/self/x: expected a folder that can be created")]
    [TestCase("rules html /proc/self/x", "/proc/self/x: expected a folder that can be created")]
    [TestCase("rules show 13", "'13': expected one of 1, 2, ")]
    [TestCase("rules show 12 --area colours", "'colours': expected one of rooms, ids, ")]
    [TestCase("rules diff 11", "B")]
    [TestCase("rules diff 11 eleven", "'eleven'")]
    [TestCase("rules show", "VERSION")]
    [TestCase("rules print /dev/null", "expected a folder")]
    [TestCase("rules html /dev/null", "expected a folder")]
    [TestCase("rules html site --only 11 eleven", "'eleven'")]
    [TestCase("rules html", "DIR")]
    [TestCase("rules verify --property no-such-thing", "no-such-thing")]
    [TestCase("completion tcsh", "tcsh")]
    public async Task An_invalid_command_line_prints_one_line_and_exits_with_2(string command, string told)
    {
        var ran = await Command.RunAsync(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.That(ran.Code, Is.EqualTo(2), ran.Errors);
        Assert.That(ran.Errors.TrimEnd('\n'), Does.StartWith("mx: ").And.Contains(told).And.Not.Contain("\n"));
        Assert.That(ran.Output, Is.Empty);
    }

    [TestCase("keys generate --out")]
    [TestCase("simulate --out")]
    [TestCase("rules html")]
    [TestCase("rules print")]
    [TestCase("vectors generate")]
    [TestCase("db backup")]
    [TestCase("rules sentences . --write")]
    public async Task An_empty_output_name_is_refused_with_exit_code_2(string command)
    {
        var ran = await Command.RunAsync([.. command.Split(' '), ""]);

        Assert.That((ran.Code, ran.Output), Is.EqualTo((2, "")));
        Assert.That(ran.Errors, Is.EqualTo("mx: expected the name of a file or folder: this one is empty\n"));
    }

    [Test]
    public async Task The_version_is_printed_in_every_format()
    {
        var text = await Command.RunAsync("version");
        var json = await Command.RunAsync("version", "--format", "json");
        var markdown = await Command.RunAsync("version", "--format", "markdown");

        var version = json.Json.GetProperty("version").GetString();
        Assert.That(version, Does.Match(@"^\d+\.\d+\.\d+"));
        Assert.That(text.Output, Does.StartWith($"version: {version}\n"));
        Assert.That(markdown.Output, Does.StartWith($"- version: {version}\n"));
    }

    [Test]
    public async Task A_pipe_gets_no_colours() =>
        Assert.That((await Command.RunAsync("version")).Output, Does.Not.Contain("\u001b"));
}
