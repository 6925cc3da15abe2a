using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>The tests, tables and settings that `docs/security.md` names exist, and it names all tables.</summary>
internal sealed partial class ThreatModelTests
{
    [GeneratedRegex("`([A-Z][A-Za-z]+Tests)\\.([A-Z]\\w+)`")]
    private static partial Regex NamedTest();

    private const string TableStatements =
        "^CREATE (?:VIRTUAL )?TABLE (\\w+)|^DROP TABLE (\\w+)|^ALTER TABLE (\\w+) RENAME TO (\\w+)";

    [GeneratedRegex(TableStatements, RegexOptions.Multiline)]
    private static partial Regex TableStatement();

    [GeneratedRegex("`([a-z_]+\\.[a-z_]+)(\\*?)`")]
    private static partial Regex NamedSetting();

    private static string Text => File.ReadAllText(Path.Combine(Repository.Root, "docs", "security.md"));

    private static string Growth => Text[Text.IndexOf("## What can grow", StringComparison.Ordinal)..];

    [Test]
    public void It_says_what_bounds_each_table_of_the_schema()
    {
        var tables = new HashSet<string>();
        var folder = Path.Combine(Repository.Root, "host", "Matrix.Host.Storage", "Migrations");
        foreach (var file in Directory.GetFiles(folder, "*.sql").Order(StringComparer.Ordinal))
        {
            foreach (Match statement in TableStatement().Matches(File.ReadAllText(file)))
            {
                tables.Remove(statement.Groups[2].Value);
                tables.Remove(statement.Groups[3].Value);
                tables.Add(statement.Groups[1].Value + statement.Groups[4].Value);
            }
        }

        tables.Remove("");
        Assert.That(tables, Has.Count.GreaterThan(50));
        Assert.That(tables.Where(table => !Growth.Contains($"`{table}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Every_setting_that_it_names_exists()
    {
        var settings = File.ReadAllText(Path.Combine(Repository.Root, "docs", "settings.md"));
        var named = NamedSetting().Matches(Growth);

        Assert.That(named, Has.Count.GreaterThan(50));
        Assert.That(
            named.Where(name => !settings.Contains(
                $"\n| {name.Groups[1].Value}{(name.Groups[2].Length > 0 ? "" : " |")}", StringComparison.Ordinal))
                .Select(name => name.Value),
            Is.Empty);
    }

    [Test]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToLookup(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);
        var named = NamedTest().Matches(Text);
        var missing = named
            .Where(name => !files[name.Groups[1].Value].Any(
                text => text.Contains($" {name.Groups[2].Value}(", StringComparison.Ordinal)))
            .Select(name => name.Value);

        Assert.That(named, Is.Not.Empty);
        Assert.That(missing, Is.Empty);
    }
}
