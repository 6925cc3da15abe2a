using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>
/// Folders keep a direction: no two open each other, at any distance. A namespace is a folder. What a namespace uses of
/// those around it is no arrow: it sees them without opening them.
/// </summary>
internal sealed partial class FolderTests
{
    private static IEnumerable<string> Projects => CompiledAssembly.Built.Keys;

    [GeneratedRegex(@"^\s*(?:open|using)\s+(?:static\s+|type\s+)?(Matrix\.[\w.]+)\s*;?\s*$", RegexOptions.Multiline)]
    private static partial Regex Opened();

    [GeneratedRegex(
        @"^\s*(?:namespace\s+(?:rec\s+)?|module\s+(?:rec\s+|internal\s+|private\s+)*(?=[\w.]+\s*$))([\w.]+)",
        RegexOptions.Multiline)]
    private static partial Regex Declared();

    private static bool IsWithin(string name, string outer) =>
        name == outer || name.StartsWith(outer + ".", StringComparison.Ordinal);

    private static string Outer(string name) =>
        name.Contains('.', StringComparison.Ordinal) ? name[..name.LastIndexOf('.')] : name;

    private static void Add(Dictionary<string, HashSet<string>> arrows, string from, string to)
    {
        arrows.TryAdd(from, []);
        if (!IsWithin(from, to)) arrows[from].Add(to);
    }

    /// <summary>What each namespace uses of the others of its project, by the compiled types and members.</summary>
    private static Dictionary<string, HashSet<string>> Compiled(string project)
    {
        var arrows = new Dictionary<string, HashSet<string>>();
        foreach (var use in CompiledAssembly.UsesOf(project))
        {
            // What a compiler adds is in no folder.
            if (use.Assembly == "" && IsWithin(use.From, "Matrix") && IsWithin(use.Namespace, "Matrix"))
            {
                Add(arrows, use.From, use.Namespace);
            }
        }

        return arrows;
    }

    /// <summary>The texts of a project's files.</summary>
    private static List<string> FilesOf(string project)
    {
        var folder = new[] { "rules", "core", "host", "tools" }
            .Select(part => Path.Combine(Repository.Root, part, project)).Single(Directory.Exists);
        bool IsSource(string file) =>
            Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar)[0] is not ("obj" or "bin");

        return [.. new[] { "*.fs", "*.cs" }
            .SelectMany(kind => Directory.GetFiles(folder, kind, SearchOption.AllDirectories))
            .Where(IsSource)
            .Select(File.ReadAllText)];
    }

    /// <summary>What the files of each namespace open of the others of their project.</summary>
    private static Dictionary<string, HashSet<string>> Written(string project)
    {
        var files = FilesOf(project);
        var declared = files.Select(text => Declared().Match(text)).Where(match => match.Success);
        var spaces = declared.Select(Namespace).ToHashSet();

        // A module may be opened too: it is in the folder of its namespace.
        string SpaceOf(string name) => spaces.Contains(name) || Outer(name) == name ? name : SpaceOf(Outer(name));

        static string Namespace(Match match) =>
            match.Value.TrimStart().StartsWith("module", StringComparison.Ordinal)
                ? Outer(match.Groups[1].Value)
                : match.Groups[1].Value;

        var arrows = new Dictionary<string, HashSet<string>>();
        foreach (var text in files.Where(text => Declared().IsMatch(text)))
        {
            var own = SpaceOf(Declared().Match(text).Groups[1].Value);
            arrows.TryAdd(own, []);
            foreach (Match opened in Opened().Matches(text))
            {
                var name = SpaceOf(opened.Groups[1].Value);
                if (spaces.Contains(name)) Add(arrows, own, name);
            }
        }

        return arrows;
    }

    [TestCaseSource(nameof(Projects))]
    public void No_two_folders_use_each_other(string project) =>
        Assert.That(Circles.Among(Compiled(project)), Is.Empty);

    [TestCaseSource(nameof(Projects))]
    public void No_two_folders_open_each_other(string project) =>
        Assert.That(Circles.Among(Written(project)), Is.Empty);

    [Test]
    public void The_checks_see_the_arrows_between_folders()
    {
        const string rooms = "Matrix.Host.Rooms";

        Assert.That(Compiled(rooms)[$"{rooms}.Sending"], Does.Contain($"{rooms}.Lanes"));
        Assert.That(Compiled("Matrix.Core")["Matrix.Core.Auth"], Does.Contain("Matrix.Core.Event"));
        Assert.That(Written(rooms)[$"{rooms}.Sending"], Does.Contain($"{rooms}.Lanes"));
        Assert.That(Written("Matrix.Cli")["Matrix.Cli"], Does.Contain("Matrix.Cli.Rules"));
    }

    [Test]
    public void A_circle_is_found_at_any_distance()
    {
        var arrows = new Dictionary<string, HashSet<string>>
        {
            ["a"] = ["b"],
            ["b"] = ["c"],
            ["c"] = ["a", "d"],
            ["d"] = [],
            ["e"] = ["a"],
        };

        Assert.That(Circles.Among(arrows), Is.EqualTo(new[] { "a", "b", "c" }));
    }
}
