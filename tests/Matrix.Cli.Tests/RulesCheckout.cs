using System.Diagnostics;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>A repository with a copy of the rules in F#, and a cache folder of its own.</summary>
internal sealed class RulesCheckout : IDisposable
{
    private const string Members = "rules/Matrix.Rules/Authorization/Memberships.fs";

    /// <summary>What bans need, as it is.</summary>
    public const string BanPower = "(Condition.And [ senderMay NamedLevel.Ban; targetBelowSender ])";

    /// <summary>A wrong change of it: equals may be banned.</summary>
    public const string AnyTarget = "(Condition.And [ senderMay NamedLevel.Ban ])";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mx-checkout-");

    public RulesCheckout()
    {
        var rules = Path.Combine(Repository.Root, "rules", "Matrix.Rules");
        foreach (var file in Directory.GetFiles(rules, "*.fs*", SearchOption.AllDirectories)
            .Where(static file => !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            var copy = Path.Combine(Root, Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Its folder.</summary>
    public string Root => Path.Combine(_folder.FullName, "checkout");

    /// <summary>The folder of what was compiled.</summary>
    public string Cache => Path.Combine(_folder.FullName, "cache", "matrix-hybrid", "rules");

    /// <summary>The variables with which `mx` finds both.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["MATRIX_HOME"] = Root,
        ["XDG_CACHE_HOME"] = Path.Combine(_folder.FullName, "cache"),
    };

    /// <summary>Runs `mx` in it.</summary>
    public Task<Ran> RunAsync(params string[] arguments) => Command.RunInAsync(Environment, "", arguments);

    /// <summary>Changes the rules of memberships.</summary>
    public async Task ChangeAsync(string from, string to)
    {
        var file = Path.Combine(Root, Members);
        var text = await File.ReadAllTextAsync(file);
        Assert.That(text, Does.Contain(from));
        await File.WriteAllTextAsync(file, text.Replace(from, to, StringComparison.Ordinal));
    }

    /// <summary>Commits everything.</summary>
    public async Task CommitAsync(string message)
    {
        await GitAsync("add", "--all");
        await GitAsync("commit", "--quiet", "--message", message);
    }

    /// <summary>Runs git in it.</summary>
    public async Task GitAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(
            "git", ["-C", Root, "-c", "user.name=a", "-c", "user.email=a@example.org", .. arguments])
        {
            RedirectStandardError = true,
        };
        using var git = Process.Start(start)!;
        var errors = await git.StandardError.ReadToEndAsync();
        await git.WaitForExitAsync();
        Assert.That(git.ExitCode, Is.Zero, errors);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
