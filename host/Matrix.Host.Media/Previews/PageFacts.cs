using System.Text.RegularExpressions;

namespace Matrix.Host.Media.Previews;

/// <summary>What a page says of itself.</summary>
internal sealed partial class PageFacts
{
    /// <summary>The longest text that is kept.</summary>
    internal const int LongestText = 1000;

    private const int MostProperties = 40;
    private const int LongestName = 64;
    private const int EnoughText = 300;

    private readonly Dictionary<string, string> _properties = new(StringComparer.Ordinal);
    private string _paragraphs = "";

    /// <summary>The content of each `meta` element that a preview may need, by its name.</summary>
    internal IReadOnlyDictionary<string, string> Properties => _properties;

    /// <summary>The `title` element.</summary>
    internal string? Title { get; set; }

    /// <summary>The first heading.</summary>
    internal string? Heading { get; set; }

    /// <summary>The image that the page links to.</summary>
    internal string? Image { get; set; }

    /// <summary>The page's icon.</summary>
    internal string? Icon { get; set; }

    /// <summary>The base of relative addresses.</summary>
    internal string? Base { get; set; }

    /// <summary>The first paragraphs.</summary>
    internal string Text => _paragraphs;

    internal bool HasEnoughText => _paragraphs.Length >= EnoughText;

    /// <summary>Adds a `meta` element. The first of a name counts, as OpenGraph says.</summary>
    internal void Add(string name, string content)
    {
        if (_properties.Count >= MostProperties || name.Length > LongestName) return;
        if (name.StartsWith("og:", StringComparison.Ordinal)
            || name is "twitter:title" or "twitter:description" or "twitter:image" or "description" or "image")
        {
            var isAddress = name.Contains("image", StringComparison.Ordinal)
                || name.Contains("url", StringComparison.Ordinal);
            var text = isAddress ? content.Trim() : Shortened(content);
            if (text.Length > 0) _properties.TryAdd(name, text);
        }
    }

    /// <summary>Adds a paragraph.</summary>
    internal void AddText(string paragraph)
    {
        if (paragraph.Length > 0 && !HasEnoughText) _paragraphs = Shortened(_paragraphs + " " + paragraph);
    }

    /// <summary>The addresses of images that may stand for the page, the best first.</summary>
    internal IEnumerable<string> Images()
    {
        foreach (var name in (string[])["og:image", "og:image:url", "og:image:secure_url", "twitter:image", "image"])
        {
            if (_properties.TryGetValue(name, out var address)) yield return address;
        }

        if (Image is { Length: > 0 }) yield return Image;
        if (Icon is { Length: > 0 }) yield return Icon;
    }

    /// <summary>A text in one line, cut at the longest length.</summary>
    internal static string Shortened(string text)
    {
        var line = Spaces().Replace(text, " ").Trim();
        if (line.Length <= LongestText) return line;
        var end = char.IsHighSurrogate(line[LongestText - 2]) ? LongestText - 2 : LongestText - 1;
        return string.Concat(line.AsSpan(0, end), "…");
    }

    [GeneratedRegex(@"[\s\p{Cc}]+", RegexOptions.NonBacktracking)]
    private static partial Regex Spaces();
}
