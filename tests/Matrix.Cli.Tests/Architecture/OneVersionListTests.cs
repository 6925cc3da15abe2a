using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>The room versions are listed once, in `Versions.fs`: every other list is derived from that one.</summary>
internal sealed partial class OneVersionListTests
{
    private static readonly string _registry = Path.Combine("rules", "Matrix.Rules", "Versions.fs");

    /// <summary>Three or more identifiers of versions in a row.</summary>
    [GeneratedRegex(""""("(?:[1-9]|1[0-2])"\s*[;,]\s*){2,}"(?:[1-9]|1[0-2])(?=")"""")]
    private static partial Regex Ids();

    /// <summary>Six or more versions in a row, by their names in the registry.</summary>
    [GeneratedRegex(@"((?:Versions\.)?\bv(?:[1-9]|1[0-2])\b\s*[;,]?\s*){6,}")]
    private static partial Regex Names();

    /// <summary>A count of them.</summary>
    [GeneratedRegex(@"\b1\s*\.\.\s*12\b|Range\(1,\s*12\)")]
    private static partial Regex Count();

    private static bool IsList(string text) =>
        Ids().IsMatch(text) || Names().IsMatch(text) || Count().IsMatch(text);

    [Test]
    public void No_other_source_file_lists_the_room_versions()
    {
        var lists = new[] { "rules", "core", "host", "tools", "benchmark" }
            .Select(part => Path.Combine(Repository.Root, part))
            .SelectMany(folder => Directory.GetFiles(folder, "*.*s", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".fs" or ".cs")
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .Where(file => IsList(File.ReadAllText(Path.Combine(Repository.Root, file))));

        Assert.That(lists, Is.EqualTo(new[] { _registry }));
    }

    [TestCase("""["10", "11", "12"]""", true)]
    [TestCase("""[ "1"; "2"; "3" ]""", true)]
    [TestCase("[ v1; v2; v3; v4; v5; v6 ]", true)]
    [TestCase("Enumerable.Range(1, 12)", true)]
    [TestCase("""["10", "12"]""", false)]
    [TestCase("[ Versions.v1; Versions.v2; Versions.v6; Versions.v11; Versions.v12 ]", false)]
    public void The_check_tells_a_list_from_a_choice(string text, bool expected) =>
        Assert.That(IsList(text), Is.EqualTo(expected));

    [Test]
    public async Task The_commands_know_the_versions_that_the_rules_list_and_no_others()
    {
        var list = (await Command.RunAsync("rules", "list", "--format", "json")).Json;
        var listed = list.GetProperty("versions").EnumerateArray()
            .Select(version => version.GetProperty("version").GetString()!).ToList();
        var refused = await Command.RunAsync("rules", "show", "13");

        Assert.That(listed, Has.Count.GreaterThan(12));
        Assert.That(refused.Errors, Does.Contain($"expected one of {string.Join(", ", listed)}"));
    }
}
