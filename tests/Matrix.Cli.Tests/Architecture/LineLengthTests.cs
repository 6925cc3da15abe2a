using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>Lines of source files and documents have at most 120 columns, as `.editorconfig` says.</summary>
internal sealed partial class LineLengthTests
{
    private const int MostColumns = 120;

    private static readonly string[] _folders = ["rules", "core", "host", "tools", "tests", "benchmark", "docs"];
    private static readonly string[] _kinds = [".cs", ".fs", ".fsi", ".md", ".mjs", ".sql", ".sh"];

    /// <summary>The folder of documents that `mx rules print` writes.</summary>
    private const string Generated = "rules/printed/";

    /// <summary>Folders that the repository does not contain.</summary>
    private static readonly string[] _untracked =
        ["bin", "obj", "node_modules", "TestResults", "BenchmarkDotNet.Artifacts"];

    /// <summary>The marks of a comment, a list item or a quotation at the start of a line.</summary>
    [GeneratedRegex(@"^\s*(?:///?|--|#|[-*>]|\d+\.)?\s*")]
    private static partial Regex Prefix();

    private static IEnumerable<string> Folders => _folders.Append(".");

    /// <summary>The source files and documents of a folder; for the root, only its own.</summary>
    private static IEnumerable<string> FilesOf(string folder) =>
        Directory.GetFiles(
            Path.Combine(Repository.Root, folder),
            "*",
            folder == "." ? SearchOption.TopDirectoryOnly : SearchOption.AllDirectories)
        .Where(file => _kinds.Contains(Path.GetExtension(file)))
        .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
        .Where(file => !file.StartsWith(Generated, StringComparison.Ordinal))
        .Where(file => !file.Split('/').Any(_untracked.Contains))
        .Order(StringComparer.Ordinal);

    /// <summary>The lines of a file that are too long and could be broken, as "file:line: columns".</summary>
    private static IEnumerable<string> TooLong(string file, IEnumerable<string> lines)
    {
        var isDocument = Path.GetExtension(file) == ".md";
        var fence = "";
        foreach (var (index, line) in lines.Index())
        {
            if (isDocument && line.StartsWith("```", StringComparison.Ordinal)) fence = fence.Length > 0 ? "" : line;

            // A line of a diff is a line of a source file after a mark.
            var columns = fence == "```diff" ? line.Length - 1 : line.Length;
            var isTableRow = isDocument && line.StartsWith('|');
            if (columns > MostColumns && !isTableRow && Prefix().Replace(line, "").Contains(' '))
            {
                yield return $"{file}:{index + 1}: {columns} columns";
            }
        }
    }

    [TestCaseSource(nameof(Folders))]
    public void Lines_have_at_most_120_columns(string folder)
    {
        var files = FilesOf(folder).ToList();

        Assert.That(files, Is.Not.Empty);
        Assert.That(
            files.SelectMany(file => TooLong(file, File.ReadLines(Path.Combine(Repository.Root, file)))), Is.Empty);
    }

    private static readonly string _word = new('a', 60);
    private static readonly string _address = $"https://example.org/{_word}{_word}";

    private static IEnumerable<TestCaseData> Lines()
    {
        yield return new TestCaseData("a.cs", new[] { $"{_word} {_word[1..]}" }, Array.Empty<int>());
        yield return new TestCaseData("a.cs", new[] { "", $"{_word} {_word}" }, new[] { 2 });
        yield return new TestCaseData("a.cs", new[] { $"        \"{_word}{_word}\"," }, Array.Empty<int>());
        yield return new TestCaseData("a.cs", new[] { $"    /// {_address}" }, Array.Empty<int>());
        yield return new TestCaseData("a.cs", new[] { $"    /// See {_address}" }, new[] { 1 });
        yield return new TestCaseData("a.md", new[] { $"- {_address}" }, Array.Empty<int>());
        yield return new TestCaseData("a.md", new[] { $"| {_word} | {_word} |" }, Array.Empty<int>());
        yield return new TestCaseData("a.fs", new[] { $"| {_word} | {_word} |" }, new[] { 1 });
        yield return new TestCaseData("a.md", new[] { "```diff", $"-{_word} {_word[1..]}", "```" }, Array.Empty<int>());
        yield return new TestCaseData("a.md", new[] { "```diff", $"-{_word} {_word}", "```" }, new[] { 2 });
        yield return new TestCaseData("a.md", new[] { "```diff", "```", $"-{_word} {_word[1..]}" }, new[] { 3 });
    }

    [TestCaseSource(nameof(Lines))]
    public void A_long_line_is_found_unless_it_cannot_be_broken(string file, string[] lines, int[] expected) =>
        Assert.That(
            TooLong(file, lines).Select(found => found.Split(": ")[0]),
            Is.EqualTo(expected.Select(number => $"{file}:{number}")));
}
