using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx completion`.</summary>
internal sealed class CompletionTests
{
    private string _bash = "";

    [OneTimeSetUp]
    public async Task Write_the_script_of_bash() => _bash = (await Command.RunAsync("completion", "bash")).Output;

    private async Task<string[]> BashOffersAsync(string line)
    {
        var words = line.Split(' ');
        var typed = string.Join(' ', words.Select(word => $"'{word}'"));
        var ask = $"COMP_WORDS=({typed}); COMP_CWORD={words.Length - 1}; _mx; echo \"${{COMPREPLY[*]}}\"";
        using var bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", _bash + "\n" + ask])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = bash.StandardError.ReadToEndAsync();
        var output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        Assert.That(await errors, Is.Empty);
        return output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    [TestCase("mx ru", "rules")]
    [TestCase("mx rules d", "diff drift")]
    [TestCase("mx rules msc MSC429", "MSC4291 MSC4297")]
    [TestCase("mx rules show org", "org.example.owned-state")]
    [TestCase("mx rules show 12 --area st", "state")]
    [TestCase("mx rules show 12 --format ", "text json markdown")]
    [TestCase("mx db sizes --r", "--rooms")]
    [TestCase("mx completion f", "fish")]
    [TestCase("mx config check homeserver.y", "")]
    [TestCase("mx vectors answer --", "--help")]
    public async Task Bash_completes_commands_options_and_values(string line, string offered) =>
        Assert.That(await BashOffersAsync(line), Is.EqualTo(offered.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    [TestCase("bash", "' rules diff') offered=")]
    [TestCase("zsh", "' rules diff') offered=(")]
    [TestCase("fish", "__mx_path '\\'' rules diff'\\''")]
    public async Task Every_shell_has_a_script_with_every_command(string shell, string sample)
    {
        var script = (await Command.RunAsync("completion", shell)).Output;

        Assert.That(script, Does.Contain(sample));
        foreach (var command in new[] { "config", "check", "user", "create", "db", "backup", "sizes", "rules", "list",
            "show", "print", "version" })
        {
            Assert.That(script, Does.Contain(command));
        }
    }
}
