using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>
/// The folders of the command line tool have no circles: no two open each other, directly or indirectly.
/// </summary>
internal sealed partial class FolderTests
{
    [GeneratedRegex(@"^open (Matrix\.Cli[\w.]*)$", RegexOptions.Multiline)]
    private static partial Regex Open();

    /// <summary>The namespaces that each folder opens.</summary>
    private static Dictionary<string, HashSet<string>> Arrows()
    {
        var project = Path.Combine(Repository.Root, "tools", "Matrix.Cli");
        var arrows = new Dictionary<string, HashSet<string>>();
        string Namespace(string folder) => folder == "." ? "Matrix.Cli"
            : "Matrix.Cli." + folder.Replace(Path.DirectorySeparatorChar, '.');
        var files = Directory.GetFiles(project, "*.fs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(project, file).StartsWith("obj", StringComparison.Ordinal));

        foreach (var file in files)
        {
            var own = Namespace(Path.GetRelativePath(project, Path.GetDirectoryName(file)!));
            var opened = Open().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)
                .Where(name => name != own);
            arrows.TryAdd(own, []);
            arrows[own].UnionWith(opened);
        }

        return arrows;
    }

    [Test]
    public void No_two_folders_open_each_other()
    {
        var arrows = Arrows();
        bool Leads(string from, string to, HashSet<string> seen) =>
            arrows.GetValueOrDefault(from, []).Any(next => next == to || (seen.Add(next) && Leads(next, to, seen)));

        Assert.That(arrows, Has.Count.GreaterThan(8));
        Assert.That(arrows["Matrix.Cli"], Does.Contain("Matrix.Cli.Rules"));
        Assert.That(arrows.Keys.Where(folder => Leads(folder, folder, [])), Is.Empty);
    }
}
