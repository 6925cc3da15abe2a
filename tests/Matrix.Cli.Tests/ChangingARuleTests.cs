using System.Diagnostics;
using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>Runs the commands of `docs/changing-a-rule.md` in a copy of the rules and the vectors.</summary>
internal sealed partial class ChangingARuleTests
{
    private sealed record Block(string Kind, string File, string Text);

    private DirectoryInfo _copy = null!;

    [SetUp]
    public void Copy()
    {
        _copy = Directory.CreateTempSubdirectory("mx-walk-");
        CopyTree(Path.Combine(Repository.Root, "rules"), Path.Combine(_copy.FullName, "rules"));
        CopyTree(Path.Combine(Repository.Root, "tests", "vectors"), Path.Combine(_copy.FullName, "tests", "vectors"));
        CopyTree(Path.GetDirectoryName(Command.Tool)!, Path.Combine(_copy.FullName, ".mx"));
        foreach (var file in new[] { "global.json", "paket.dependencies", "Directory.Build.props",
            "Directory.Packages.props" })
        {
            File.Copy(Path.Combine(Repository.Root, file), Path.Combine(_copy.FullName, file));
        }

        // The real script builds all of mx when a source is newer. Here only the assembly of the rules changes.
        var mx = Path.Combine(_copy.FullName, "mx");
        File.WriteAllText(mx, """
            #!/bin/sh
            if [ -n "$(find rules/Matrix.Rules -name '*.fs*' -newer .mx/built)" ]; then
                dotnet build rules/Matrix.Rules -c Release --nologo -v q >&2 || exit 1
                cp rules/Matrix.Rules/bin/Release/net10.0/Matrix.Rules.dll .mx/
                touch .mx/built
            fi
            exec dotnet .mx/mx.dll "$@"
            """);
        File.SetUnixFileMode(mx, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(Path.Combine(_copy.FullName, ".mx", "built"), "");
    }

    [TearDown]
    public void Remove() => _copy.Delete(recursive: true);

    private static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.GetDirectories(from)
            .Where(folder => Path.GetFileName(folder) is not ("bin" or "obj")))
        {
            CopyTree(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    [Test]
    [Category("Slow")]
    [CancelAfter(600_000)]
    public async Task The_walk_runs_as_written_and_ends_with_the_rules_and_vectors_of_the_repository(
        CancellationToken stop)
    {
        var output = "";
        foreach (var block in Blocks(
            await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "changing-a-rule.md"), stop)))
        {
            switch (block.Kind)
            {
                case "sh":
                    output = "";
                    foreach (var line in block.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    {
                        var parts = line.Split(" # ends with ");
                        var ran = await ShellAsync(parts[0], stop);
                        Assert.That(
                            ran.Code,
                            Is.EqualTo(
                            parts.Length == 1 ? 0
                            : int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)),
                            $"{line}\n{ran.Output}\n{ran.Errors}");
                        output += ran.Output + ran.Errors;
                    }

                    break;
                case "text":
                    foreach (var line in block.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    {
                        Assert.That(
                            Space().Replace(output, " "), Does.Contain(Space().Replace(line.Trim(), " ")), output);
                    }

                    break;
                case "diff":
                    await File.WriteAllTextAsync(Path.Combine(_copy.FullName, "change.diff"), block.Text, stop);
                    var applied = await ShellAsync("git apply change.diff", stop);
                    Assert.That(applied.Code, Is.Zero, applied.Errors);
                    break;
                default:
                    Assert.That(block.File, Is.Not.Empty, block.Kind);
                    await File.WriteAllTextAsync(Path.Combine(_copy.FullName, block.File), block.Text, stop);
                    break;
            }
        }

        foreach (var file in new[] { "rules", Path.Combine("tests", "vectors") }
            .SelectMany(
                folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.*", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.Contains("/bin/", StringComparison.Ordinal)
                && !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            Assert.That(
                await File.ReadAllTextAsync(Path.Combine(_copy.FullName, file), stop),
                Is.EqualTo(await File.ReadAllTextAsync(Path.Combine(Repository.Root, file), stop)), file);
        }
    }

    private static List<Block> Blocks(string document)
    {
        var blocks = Fence().Matches(document)
            .Select(match => new Block(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value)).ToList();
        Assert.That(blocks.Count(block => block.Kind == "sh"), Is.GreaterThan(5));
        return blocks;
    }

    private async Task<Ran> ShellAsync(string command, CancellationToken stop)
    {
        var start = new ProcessStartInfo("bash", ["-o", "pipefail", "-c", command])
        {
            WorkingDirectory = _copy.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Git must not find a repository above the copy.
        start.Environment["GIT_CEILING_DIRECTORIES"] = Path.GetDirectoryName(_copy.FullName);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["MATRIX_HOME"] = _copy.FullName;
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(_copy.FullName, ".cache");
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(stop);
        var errors = process.StandardError.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        return new Ran(process.ExitCode, await output, await errors);
    }

    [GeneratedRegex(@"^```([a-z]+)(?: file=(\S+))?\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();

    /// <summary>Checks the files with `KeysNameACreator`, a condition with values that every place needs.</summary>
    [Test]
    public void The_walk_names_every_file_that_a_new_condition_needs()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "changing-a-rule.md"));
        var section = page.Split("## 9. ")[1];
        var files = "rules core tools".Split(' ')
            .SelectMany(
                folder =>
                Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.fs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)
                && !file.Contains("/Amendments/", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file).Contains("Condition.KeysNameACreator", StringComparison.Ordinal)
                || Path.GetFileName(file) == "Terms.fs" && file.Contains("Vocabulary", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .ToList();

        Assert.That(files, Has.Count.GreaterThan(4));
        Assert.That(files.Where(file => !section.Contains($"`{file}`", StringComparison.Ordinal)), Is.Empty);
        Assert.That(
            System.Text.RegularExpressions.Regex.Matches(section, "`((?:rules|core|docs)/[^`]+)`")
            .Select(match => match.Groups[1].Value)
                .Where(file => !File.Exists(Path.Combine(Repository.Root, file))),
            Is.Empty);
    }
}
