using System.Globalization;
using System.Text.RegularExpressions;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules html`: links, markup, accessibility and content of the site.</summary>
[Category("Slow")]
internal sealed partial class SiteTests
{
    private static readonly HtmlParser _parser = new(new HtmlParserOptions { IsStrictMode = true });
    private static readonly string[] _headings = ["H1", "H2", "H3", "H4", "H5", "H6"];

    private static readonly string[] _files =
    [
        "index.html", "site.css", "version-11.html", "version-12.html", "version-org.example.owned-state.html",
        "claims-11.html", "claims-12.html", "claims-org.example.owned-state.html",
        "diff-11-to-12.html",
        "diff-11-to-org.example.owned-state.html",
    ];

    private static readonly string[] _styles = ["site.css"];
    private static readonly string[] _bothVersions = ["11", "12"];
    private static readonly string[] _verdicts = ["11 accepts it", "12 rejects it"];

    private DirectoryInfo _folder = null!;
    private Dictionary<string, IHtmlDocument> _pages = null!;

    private static async Task<Dictionary<string, IHtmlDocument>> ReadAsync(DirectoryInfo folder)
    {
        var pages = new Dictionary<string, IHtmlDocument>();
        foreach (var file in folder.GetFiles("*.html"))
        {
            pages[file.Name] = _parser.ParseDocument(await File.ReadAllTextAsync(file.FullName));
        }

        return pages;
    }

    [OneTimeSetUp]
    public async Task Write_the_site_of_three_versions()
    {
        _folder = Directory.CreateTempSubdirectory("mx-site-");
        var ran = await Command.RunAsync(
            "rules", "html", _folder.FullName, "--only", "12", "11", "org.example.owned-state");
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        _pages = await ReadAsync(_folder);
    }

    [OneTimeTearDown]
    public void Remove()
    {
        _folder.Delete(recursive: true);
        foreach (var page in _pages.Values)
        {
            page.Dispose();
        }
    }

    [Test]
    public void There_is_a_page_for_each_version_and_each_difference() =>
        Assert.That(_folder.GetFiles().Select(file => file.Name), Is.EquivalentTo(_files));

    [Test]
    public void A_versions_claims_are_on_a_page_that_its_rules_lead_to()
    {
        var claims = _pages["claims-12.html"];
        var link = _pages["version-12.html"].QuerySelector("a[href='claims-12.html']");

        Assert.That(link, Is.Not.Null);
        Assert.That(
            claims.GetElementById("the-banned-send-nothing")!.TextContent,
            Does.Contain("A banned user sends no events.").And.Contain("Except first-join"));
        Assert.That(claims.GetElementById("aliases-are-of-the-senders-server"), Is.Null);
    }

    [Test]
    public void Every_link_leads_somewhere() => AssertLinks(_pages, _folder);

    private static void AssertLinks(Dictionary<string, IHtmlDocument> pages, DirectoryInfo folder)
    {
        foreach (var (name, page) in pages)
        {
            foreach (var address in page.QuerySelectorAll("[href]").Select(link => link.GetAttribute("href")!))
            {
                if (address.StartsWith("https://", StringComparison.Ordinal))
                {
                    Assert.That(Uri.IsWellFormedUriString(address, UriKind.Absolute), address);
                    continue;
                }

                var parts = address.Split('#', 2);
                var target = parts[0].Length == 0 ? name : parts[0];
                Assert.That(File.Exists(Path.Combine(folder.FullName, target)), $"{name}: {address}");
                Assert.That(
                    parts.Length == 1 || pages[target].GetElementById(parts[1]) is not null, $"{name}: {address}");
            }
        }
    }

    [Test]
    public void Every_identifier_is_unique_on_its_page()
    {
        foreach (var (name, page) in _pages)
        {
            Assert.That(page.QuerySelectorAll("[id]").Select(element => element.Id), Is.Unique, name);
            foreach (var id in page.QuerySelectorAll("[aria-labelledby]")
                .SelectMany(e => e.GetAttribute("aria-labelledby")!.Split(' ')))
            {
                Assert.That(page.GetElementById(id)?.TextContent, Is.Not.Null.And.Not.Empty, $"{name}: {id}");
            }
        }
    }

    [Test]
    public void A_page_needs_no_network_and_no_script()
    {
        foreach (var page in _pages.Values)
        {
            Assert.That(page.QuerySelectorAll("script, iframe, img, object, [style], [onclick]"), Is.Empty);
            Assert.That(page.QuerySelectorAll("link").Select(link => link.GetAttribute("href")), Is.EqualTo(_styles));
        }

        Assert.That(
            File.ReadAllText(Path.Combine(_folder.FullName, "site.css")),
            Does.Not.Contain("http").And.Not.Contain("@import"));
    }

    [Test]
    public void Pages_tables_and_pictures_are_accessible()
    {
        foreach (var (name, page) in _pages)
        {
            var levels = page.All.Where(e => _headings.Contains(e.TagName)).Select(e => e.TagName[1] - '0').ToList();

            Assert.That(page.DocumentElement.GetAttribute("lang"), Is.EqualTo("en"));
            Assert.That(page.Title, Is.Not.Empty);
            Assert.That(page.QuerySelector("meta[name=viewport]"), Is.Not.Null);
            Assert.That(levels.Count(level => level == 1), Is.EqualTo(1), name);
            Assert.That(levels.Zip(levels.Skip(1), (a, b) => b - a), Is.All.LessThanOrEqualTo(1), name);
            foreach (var table in page.QuerySelectorAll("table"))
            {
                Assert.That(table.QuerySelector("caption")?.TextContent, Is.Not.Null.And.Not.Empty, name);
                Assert.That(table.QuerySelectorAll("thead th"), Is.Not.Empty, name);
                Assert.That(table.QuerySelectorAll("th:not([scope])"), Is.Empty, name);
            }

            foreach (var picture in page.QuerySelectorAll("svg"))
            {
                Assert.That(picture.GetAttribute("role"), Is.EqualTo("img"), name);
                Assert.That(picture.QuerySelector("title")?.TextContent, Is.Not.Null.And.Not.Empty, name);
                Assert.That(picture.QuerySelector("desc")?.TextContent, Is.Not.Null.And.Not.Empty, name);
            }
        }
    }

    /// <summary>What of Giraffe.ViewEngine writes a text as it is.</summary>
    [GeneratedRegex("(?<![.\\w])(rawText|comment|Text|KeyValue)\\b")]
    private static partial Regex Unescaped();

    [Test]
    public void Every_text_on_a_page_is_escaped()
    {
        var folder = Path.Combine(Repository.Root, "tools", "Matrix.Cli", "Rules", "Site");
        var lines = Directory.GetFiles(folder, "*.fs").SelectMany(File.ReadAllLines)
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)).ToList();

        Assert.That(lines, Has.Some.Match("\\bstr "));
        Assert.That(lines.Where(line => Unescaped().IsMatch(line)), Is.Empty);
    }

    [Test]
    public async Task Every_row_of_a_version_is_on_its_page()
    {
        var shown = (await Command.RunAsync("rules", "show", "12", "--format", "json")).Json;
        var rows = shown.GetProperty("areas").EnumerateArray().Sum(area => area.GetProperty("clauses").GetArrayLength())
            + shown.GetProperty("clauses").GetArrayLength();
        var page = _pages["version-12.html"];

        Assert.That(page.QuerySelectorAll("table.rules tbody tr"), Has.Length.EqualTo(rows));
        Assert.That(
            page.GetElementById("auth-member.join.restricted")!.TextContent,
            Does.Contain("5.3.5").And.Contain("MSC3083"));
    }

    [Test]
    public void Differences_of_state_resolution_are_drawn_as_a_room_with_two_servers_states()
    {
        var drawn = _pages["diff-11-to-12.html"].QuerySelectorAll("#state article.change figure.drawn");

        Assert.That(drawn, Is.Not.Empty);
        foreach (var room in drawn)
        {
            Assert.That(room.QuerySelectorAll("svg rect.event").Length, Is.GreaterThanOrEqualTo(6));
            Assert.That(room.QuerySelector("svg .asked"), Is.Not.Null);
            Assert.That(room.QuerySelectorAll("svg .verdict").Length, Is.EqualTo(2));
            Assert.That(room.QuerySelector("svg desc")!.TextContent, Does.Contain("resolves to"));
        }
    }

    [Test]
    public void Every_differing_rule_has_its_smallest_case_drawn()
    {
        var page = _pages["diff-11-to-12.html"];
        var changes = page.QuerySelectorAll("#auth article.change");

        Assert.That(changes, Has.Length.EqualTo(6));
        foreach (var change in changes)
        {
            Assert.That(change.QuerySelector("figure.drawn svg .asked"), Is.Not.Null, change.Id);
            Assert.That(change.QuerySelectorAll("figure.drawn svg .verdict"), Has.Length.EqualTo(2), change.Id);
            Assert.That(
                change.QuerySelectorAll("figure.drawn dt").Select(verdict => verdict.TextContent.Split(' ')[0]),
                Is.EqualTo(_bothVersions), change.Id);
        }

        var room = page.GetElementById("auth-create.room-id")!;
        Assert.That(room.QuerySelectorAll("dt").Select(verdict => verdict.TextContent), Is.EqualTo(_verdicts));
    }

    [Test]
    public async Task Writing_the_site_twice_gives_the_same_files()
    {
        var again = Directory.CreateTempSubdirectory("mx-site-");
        try
        {
            await Command.RunAsync("rules", "html", again.FullName, "--only", "11", "12", "org.example.owned-state");
            foreach (var file in _folder.GetFiles())
            {
                var twin = Path.Combine(again.FullName, file.Name);
                Assert.That(
                    await File.ReadAllTextAsync(twin), Is.EqualTo(await File.ReadAllTextAsync(file.FullName)),
                    file.Name);
            }
        }
        finally
        {
            again.Delete(recursive: true);
        }
    }

    [TestCase("light")]
    [TestCase("dark")]
    public void Text_has_enough_contrast(string scheme)
    {
        var styles = File.ReadAllText(Path.Combine(_folder.FullName, "site.css"));
        var colours = Colour().Matches(styles.Split("prefers-color-scheme: dark")[scheme == "dark" ? 1 : 0])
            .ToDictionary(match => match.Groups[1].Value, match => Luminance(match.Groups[2].Value));

        foreach (var (text, ground) in new[]
        {
            ("ink", "page"), ("ink", "card"), ("quiet", "page"), ("quiet", "card"), ("link", "page"), ("link", "card"),
                ("good", "page"),
            ("good", "card"), ("bad", "card"), ("good", "good-ground"), ("bad", "bad-ground"),
            ("other", "other-ground"), ("ink", "other-ground"),
        })
        {
            var (light, dark) = (Math.Max(colours[text], colours[ground]), Math.Min(colours[text], colours[ground]));
            // The contrast that WCAG 2 requires at level AA.
            Assert.That((light + 0.05) / (dark + 0.05), Is.GreaterThanOrEqualTo(4.5), $"{text} on {ground}");
        }
    }

    private static double Luminance(string hex)
    {
        double Channel(int at)
        {
            var value = int.Parse(hex.AsSpan(at, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4);
        }

        return (0.2126 * Channel(0)) + (0.7152 * Channel(2)) + (0.0722 * Channel(4));
    }

    [GeneratedRegex("--([a-z-]+): #([0-9a-f]{6})")]
    private static partial Regex Colour();

    [Test]
    public async Task The_whole_site_holds_together()
    {
        var folder = Directory.CreateTempSubdirectory("mx-site-");
        try
        {
            var ran = await Command.RunAsync("rules", "html", folder.FullName);
            Assert.That(ran.Code, Is.Zero, ran.Errors);

            var pages = await ReadAsync(folder);
            // The index, 13 versions, each pair of the 12 stable ones, and the unstable one with its parent.
            Assert.That(pages, Has.Count.EqualTo(1 + 13 + 13 + 66 + 1));
            AssertLinks(pages, folder);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
