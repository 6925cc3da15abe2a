namespace Matrix.Cli.Tests;

/// <summary>What holds for every command.</summary>
internal sealed class CommandLineTests
{
    [TestCase("", "config", "user", "db", "vectors", "rules", "version", "completion")]
    [TestCase("config", "check", "default")]
    [TestCase("config check", "FILE", "--format")]
    [TestCase("user", "create")]
    [TestCase("user create", "NAME", "--admin", "--password-stdin", "--server")]
    [TestCase("db", "backup", "sizes")]
    [TestCase("db backup", "FILE", "--config")]
    [TestCase("db sizes", "--rooms", "<text|json|markdown>")]
    [TestCase("vectors", "check", "run", "answer", "generate")]
    [TestCase("rules mutate", "--room-version", "--rule", "--vectors-only", "--format")]
    [TestCase("vectors check", "FILE", "--differing")]
    [TestCase("vectors generate", "DIR", "--check")]
    [TestCase("vectors run", "--against", "--timeout", "tests/vectors/FORMAT.md")]
    [TestCase("rules", "list", "show", "diff", "print")]
    [TestCase("rules show", "VERSION", "--area", "--format")]
    [TestCase("rules diff", "A", "B", "--area", "--format")]
    [TestCase("completion", "bash|zsh|fish")]
    [TestCase("simulate", "--servers", "--events", "--seeds", "--faults", "--replay", "--room-version")]
    [TestCase("version", "--format")]
    public async Task Help_is_there_on_every_level(string command, params string[] named)
    {
        var ran = await Command.RunAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        foreach (var name in named)
        {
            Assert.That(ran.Output, Does.Contain(name));
        }
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
    [TestCase("simulate --out /no/such/folder/x", "/no/such/folder/x: there is no such folder")]
    [TestCase("simulate --seeds 11 --room-version all", "--seeds: expected 12 to")]
    [TestCase("simulate --room-version 11 --room-version 99", "'99'")]
    [TestCase("event id --room-version 12 /proc/self/mem", "/proc/self/mem: expected a file that can be read")]
    [TestCase("event id --room-version 12 /dev/zero", "/dev/zero: expected at most")]
    [TestCase("keys generate --out /tmp", "/tmp: this is a folder")]
    [TestCase("keys generate --out /no/such/folder/x", "/no/such/folder/x: there is no such folder")]
    [TestCase("rules print /proc/self/x", "/proc/self/x: expected a folder that can be made")]
    [TestCase("rules html /proc/self/x", "/proc/self/x: expected a folder that can be made")]
    public async Task A_command_line_that_cannot_be_used_is_told_in_one_line_and_ends_with_2(string command, string told)
    {
        var ran = await Command.RunAsync(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.That(ran.Code, Is.EqualTo(2), ran.Errors);
        Assert.That(ran.Errors.TrimEnd('\n'), Does.StartWith("mx: ").And.Contains(told).And.Not.Contain("\n"));
        Assert.That(ran.Output, Is.Empty);
    }

    [Test]
    public async Task The_version_is_told_in_every_form()
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
    public async Task A_pipe_is_sent_no_colours() =>
        Assert.That((await Command.RunAsync("version")).Output, Does.Not.Contain("\u001b"));
}
