using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>The index of decision records.</summary>
internal sealed class DecisionIndexTests
{
    [Test]
    public void Each_record_is_in_the_index_once_by_its_title()
    {
        var folder = Path.Combine(Repository.Root, "docs/decisions");
        var records = Directory.GetFiles(folder, "0*.md")
            .Select(path => (Name: Path.GetFileName(path), Title: File.ReadLines(path).First()[2..]));
        var index = Regex.Matches(
            File.ReadAllText(Path.Combine(folder, "README.md")),
            @"^\| \[\d{4}\]\((?<name>[^)]+)\) \| (?<title>.+) \|$",
            RegexOptions.Multiline | RegexOptions.ExplicitCapture);

        Assert.That(
            index.Select(row => (row.Groups["name"].Value, row.Groups["title"].Value)), Is.EquivalentTo(records));
    }
}
