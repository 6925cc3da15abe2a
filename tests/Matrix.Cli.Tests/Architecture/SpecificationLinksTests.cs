using System.Text.RegularExpressions;
using Matrix.Processes;

namespace Matrix.Cli.Tests.Architecture;

/// <summary>
/// Links to sections of the specification in the code, such as `v1.19 server-server-api#soft-failure`, and in the
/// printed rules. `tools/specification-sections.fsx` makes the lists of sections. Decision 157.
/// </summary>
internal sealed partial class SpecificationLinksTests
{
    private const string Release = "v1.19 ";

    private static readonly string[] _folders = ["rules", "core", "host", "tools"];
    private static readonly string[] _kinds = [".cs", ".fs", ".fsi"];
    private static readonly string[] _untracked = ["bin", "obj"];

    /// <summary>A section, with the release before it if that is there.</summary>
    [GeneratedRegex(@"(?<release>v1[.\d]* )?(?<![\w/-])(?<section>(?:[a-z-]+-api|appendices|rooms(?:/v\d+)?)#[\w-]+)")]
    private static partial Regex Link();

    /// <summary>The address of a section, as printed rules have it.</summary>
    [GeneratedRegex(@"https://spec\.matrix\.org/v1\.19/(?<document>[\w/-]+)/#(?<anchor>[\w-]+)")]
    private static partial Regex Address();

    /// <summary>A section by its title. Titles of the specification of 2014 have no anchors today.</summary>
    [GeneratedRegex(
        @"(?<!2014 )\b(?:(?:Client-Server|Server-Server|Application Service|Push Gateway|Identity Service) API"
        + @"|Appendices|[Rr]oom versions?(?: \d+)?),(?: [""`]|$)")]
    private static partial Regex Title();

    private sealed record Found(string Place, string? Release, string Section);

    private static IEnumerable<Found> LinksOf(string file, IEnumerable<string> lines) =>
        from line in lines.Index()
        from link in Link().Matches(line.Item)
        select new Found(
            $"{file}:{line.Index + 1}",
            link.Groups["release"].Success ? link.Groups["release"].Value : null,
            link.Groups["section"].Value);

    private static IEnumerable<string> Sources() => _folders
        .SelectMany(folder => Directory.GetFiles(
            Path.Combine(Repository.Root, folder), "*", SearchOption.AllDirectories))
        .Where(file => _kinds.Contains(Path.GetExtension(file)))
        .Select(file => Path.GetRelativePath(Repository.Root, file))
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(_untracked.Contains))
        .Order(StringComparer.Ordinal);

    private static IEnumerable<string> LinesOf(string file) => File.ReadLines(Path.Combine(Repository.Root, file));

    private static List<Found> InCode() => [.. Sources().SelectMany(file => LinksOf(file, LinesOf(file)))];

    private static List<Found> InPrintedRules() =>
    [
        .. from file in Directory.GetFiles(Path.Combine(Repository.Root, "rules/printed"))
           from address in Address().Matches(File.ReadAllText(file))
           select new Found(
               Path.GetRelativePath(Repository.Root, file),
               Release,
               $"{address.Groups["document"].Value}#{address.Groups["anchor"].Value}"),
    ];

    private static List<string> List(string name) =>
    [
        .. LinesOf($"tests/Matrix.Cli.Tests/Architecture/Specification/{name}.txt")
            .Where(line => line.Length > 0 && !line.StartsWith('#')),
    ];

    private static IEnumerable<string> Wrong(IEnumerable<Found> links, HashSet<string> sections) => links
        .Where(link => link.Release != Release || !sections.Contains(link.Section))
        .Select(link => $"{link.Place}: {link.Release}{link.Section}");

    [Test]
    public void Every_link_leads_to_a_section_of_the_release()
    {
        var links = InCode();
        var sections = List("sections").ToHashSet(StringComparer.Ordinal);

        Assert.That(links, Has.Count.GreaterThan(900));
        Assert.That(Wrong(links.Concat(InPrintedRules()), sections), Is.Empty);
    }

    [Test]
    public void Every_section_that_a_homeserver_implements_is_named_or_is_an_exception()
    {
        var named = InCode().Concat(InPrintedRules()).Select(link => link.Section).ToHashSet(StringComparer.Ordinal);
        var required = List("required");
        var exceptions = List("exceptions").Select(line => line.Split("  ", 2)).ToList();
        var excepted = exceptions.Select(line => line[0]).ToHashSet(StringComparer.Ordinal);

        Assert.That(required, Has.Count.GreaterThan(400));
        Assert.That(required.Where(section => !named.Contains(section) && !excepted.Contains(section)), Is.Empty);
        Assert.That(
            exceptions.Where(line => line.Length < 2).Select(line => line[0]), Is.Empty, "exceptions without a reason");
        Assert.That(
            excepted.Where(section => named.Contains(section) || !required.Contains(section)),
            Is.Empty,
            "exceptions that are not needed");
    }

    [TestCase("host/Matrix.Host.Api/", "_matrix(?:client|media|federation|key)|well-known", 200)]
    [TestCase("host/Matrix.Host.Outbound/", "_matrix(?:app|push)", 10)]
    public void Every_operation_is_named_where_it_is_served_or_called(string folder, string path, int atLeast)
    {
        var operation = new Regex($"#(?:[a-z]+_)?(?:get|post|put|delete)(?:{path})");
        var operations = List("required").Where(section => operation.IsMatch(section)).ToList();
        var named = InCode()
            .Where(link => link.Place.StartsWith(folder, StringComparison.Ordinal))
            .Select(link => link.Section)
            .ToHashSet(StringComparer.Ordinal);

        Assert.That(operations, Has.Count.AtLeast(atLeast));
        Assert.That(operations.Where(section => !named.Contains(section)), Is.Empty);
    }

    [Test]
    public void Sections_are_named_by_links_and_not_by_titles() =>
        Assert.That(
            from file in Sources()
            from line in LinesOf(file).Index()
            where Title().IsMatch(line.Item) && line.Item.TrimStart().StartsWith("//", StringComparison.Ordinal)
            select $"{file}:{line.Index + 1}: {line.Item.Trim()}",
            Is.Empty);

    [TestCase("// v1.19 server-server-api#soft-failure", "")]
    [TestCase("/// v1.19 client-server-api#presence, v1.19 rooms/v12#no-such-thing.", "rooms/v12#no-such-thing")]
    [TestCase("// v1.18 server-server-api#soft-failure", "server-server-api#soft-failure")]
    [TestCase("/// server-server-api#soft-failure", "server-server-api#soft-failure")]
    public void A_link_that_is_wrong_or_lacks_the_release_is_found(string line, string expected)
    {
        var sections = new HashSet<string> { "server-server-api#soft-failure", "client-server-api#presence" };

        Assert.That(
            Wrong(LinksOf("a.cs", [line]), sections).Select(wrong => wrong.Split(' ')[^1]),
            Is.EqualTo(expected.Length == 0 ? Array.Empty<string>() : [expected]));
    }
}
