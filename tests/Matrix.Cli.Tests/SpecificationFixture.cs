using System.Diagnostics;

namespace Matrix.Cli.Tests;

/// <summary>
/// A small specification in words of its own, in a git repository: pages of room versions 10 and 11, which share a
/// fragment, and the pages that they name.
/// </summary>
internal sealed class SpecificationFixture : IDisposable
{
    /// <summary>Rules of the shape of version 11's, each a word or two.</summary>
    private const string Rules = """
        Signed, please.

        The kinds:

        - one kind

        {{% boxes/note %}}
        A note with a list:

        1. Not a rule.
        {{% /boxes/note %}}

        In turn:

        1.  Creation:
            1.  Parents are bad.
            2.  Another home is bad.
            3.  Strange editions are bad.
            4.  All else is fine.
        2.  Looking at the evidence:
            1.  Twins are bad.
            2.  Strangers are bad.
            3.  Outcasts are bad.
            4.  No beginning is bad.
            5.  Wrong rooms are bad.
        3.  Locked rooms stay
            locked.
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mx-spec-");

    /// <summary>The folder of the repository.</summary>
    public string Path => _folder.FullName;

    private SpecificationFixture()
    {
    }

    /// <summary>Makes the repository, with one commit.</summary>
    public static async Task<SpecificationFixture> CreateAsync()
    {
        var made = new SpecificationFixture();
        await made.GitAsync("init", "--quiet", "--initial-branch=main");
        made.WriteFragment(Rules);
        foreach (var version in new[] { 10, 11 })
        {
            made.Write($"content/rooms/v{version}.md", $$$"""
                ---
                title: {{{version}}}
                ---

                ### Authorisation rules

                {{< rver-fragment name="rules" withVersioning="true" >}}

                ### Canonical JSON

                Be strict. Or say `M_BAD_JSON`.

                ### Event format

                Nothing new.

                ### Event format

                {{% definition path="shapes/event" %}}
                """);
        }

        made.Write("data/shapes/event.yaml", """
            type: object
            allOf:
              - $ref: "parts/base.yaml" # what all have
              - type: object
                properties:
                  depth:
                    type: integer
                    description: |-
                      How deep,
                      at most.
            """);
        made.Write("data/shapes/parts/base.yaml", """
            properties:
              sender:
                description: 'Who it is from.'
            """);
        await made.CommitAsync("first");
        return made;
    }

    /// <summary>Changes the rules of all versions.</summary>
    /// <param name="changes">Pairs of what is replaced, and by what.</param>
    public void EditRules(params (string From, string To)[] changes) =>
        WriteFragment(changes.Aggregate(Rules, (text, change) =>
        {
            Assert.That(text, Does.Contain(change.From));
            return text.Replace(change.From, change.To, StringComparison.Ordinal);
        }));

    private void WriteFragment(string rules) => Write("content/rooms/fragments/rules.md", rules);

    /// <summary>Writes a file.</summary>
    public void Write(string name, string text)
    {
        var file = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text + "\n");
    }

    /// <summary>Commits all files, under this tag.</summary>
    public async Task CommitAsync(string tag)
    {
        await GitAsync("add", "--all");
        await GitAsync(
            "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false", "commit", "--quiet",
            "--message", tag);
        await GitAsync("tag", tag);
    }

    /// <summary>Runs git in the repository.</summary>
    public async Task GitAsync(params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["-C", Path, .. arguments])
        {
            RedirectStandardError = true,
        })!;
        var errors = await git.StandardError.ReadToEndAsync();
        await git.WaitForExitAsync();
        Assert.That(git.ExitCode, Is.Zero, errors);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Objects of git are read-only.
        foreach (var file in _folder.EnumerateFiles("*", SearchOption.AllDirectories))
        {
            file.Attributes = FileAttributes.Normal;
        }

        _folder.Delete(recursive: true);
    }
}
