using System.Text.Json;
using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>
/// `paket.dependencies` has the packages that are used, and no other. What is used is in the files of the restore.
/// </summary>
internal sealed partial class PackageListTests
{
    private static readonly string[] _shipped = ["rules", "core", "host", "tools"];
    private static readonly string[] _others = ["tests", "benchmark"];
    private static readonly string[] _built = ["benchmark/Matrix.Benchmarks", "tests/Matrix.Host.Tests"];

    [GeneratedRegex("^nuget (\\S+) (\\S+)$", RegexOptions.Multiline)]
    private static partial Regex Listed();

    private static HashSet<string> List =>
    [
        .. Listed().Matches(File.ReadAllText(Path.Combine(Repository.Root, "paket.dependencies")))
            .Select(line => $"{line.Groups[1]}/{line.Groups[2]}"),
    ];

    /// <summary>The packages of the projects in folders, with the versions that were restored.</summary>
    private static HashSet<string> UsedIn(IEnumerable<string> folders)
    {
        var used = new HashSet<string>();
        var parents = folders.Select(folder => Path.Combine(Repository.Root, folder));
        foreach (var project in parents.SelectMany(Directory.GetDirectories))
        {
            var file = Path.Combine(project, "obj", "project.assets.json");
            if (!File.Exists(file)) continue;
            using var restored = JsonDocument.Parse(File.ReadAllText(file));
            used.UnionWith(restored.RootElement.GetProperty("libraries").EnumerateObject()
                .Where(each => each.Value.GetProperty("type").GetString() == "package")
                .Select(each => each.Name));
        }

        return used;
    }

    [Test]
    public void What_ships_uses_packages_of_the_list_in_their_exact_versions() =>
        Assert.That(UsedIn(_shipped).Except(List), Is.Empty);

    [Test]
    public void Every_package_of_the_list_is_used()
    {
        // ./test builds all projects.
        foreach (var project in _built)
        {
            Assume.That(File.Exists(Path.Combine(Repository.Root, project, "obj", "project.assets.json")), project);
        }

        var unused = List.Except(UsedIn(_shipped.Concat(_others)));

        Assert.That(List, Has.Count.GreaterThan(20));
        Assert.That(unused, Is.Empty);
    }
}
