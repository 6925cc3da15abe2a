using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>Each test that `docs/security.md` names exists.</summary>
internal sealed partial class ThreatModelTests
{
    [GeneratedRegex("`([A-Z][A-Za-z]+Tests)\\.([A-Z]\\w+)`")]
    private static partial Regex NamedTest();

    [Test]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToLookup(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);
        var named = NamedTest().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "security.md")));
        var missing = named
            .Where(name => !files[name.Groups[1].Value].Any(
                text => text.Contains($" {name.Groups[2].Value}(", StringComparison.Ordinal)))
            .Select(name => name.Value);

        Assert.That(named, Is.Not.Empty);
        Assert.That(missing, Is.Empty);
    }
}
