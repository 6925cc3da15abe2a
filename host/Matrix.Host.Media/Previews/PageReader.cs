using System.Text;
using AngleSharp.Html;
using AngleSharp.Html.Parser;
using AngleSharp.Html.Parser.Tokens;
using AngleSharp.Text;

namespace Matrix.Host.Media.Previews;

/// <summary>
/// Reads what a preview shows from a page's tokens. No tree is built: a page may nest its elements as deep as it is
/// long.
/// </summary>
internal sealed class PageReader
{
    private static readonly HashSet<string> _read = new(StringComparer.Ordinal)
    {
        "property", "name", "itemprop", "content", "rel", "href",
    };

    private readonly PageFacts _facts = new();
    private readonly StringBuilder _text = new();

    /// <summary>The element whose text is gathered: `title`, `h1` or `p`; null outside of them.</summary>
    private string? _within;

    private PageReader()
    {
    }

    /// <summary>What the page says of itself.</summary>
    internal static PageFacts Read(string html)
    {
        var reader = new PageReader();
        using var source = new TextSource(html);
        using var tokens = new HtmlTokenizer(source, HtmlEntityProvider.Resolver)
        {
            SkipComments = true,
            SkipScriptText = true,
            ShouldEmitAttribute = static (ref _, name) => _read.GetAlternateLookup<ReadOnlySpan<char>>()
                .Contains(name.Span),
        };
        for (var token = tokens.Get(); token.Type != HtmlTokenType.EndOfFile; token = tokens.Get())
        {
            if (token.Type == HtmlTokenType.Character) reader.Add(token.Data);
            else if (token is HtmlTagToken tag) tokens.State = reader.Read(tag) ?? tokens.State;
        }

        reader.End();
        return reader._facts;
    }

    /// <summary>Reads a tag, and returns how the text after it is read if the tag decides that.</summary>
    private HtmlParseMode? Read(HtmlTagToken tag)
    {
        if (tag.Type == HtmlTokenType.EndTag)
        {
            if (tag.Name == _within) End();
            return null;
        }

        switch (tag.Name)
        {
            case "meta": Meta(tag); break;
            case "link": Link(tag); break;
            case "base": _facts.Base ??= tag.GetAttribute("href"); break;
            case "title" when _facts.Title is null: Begin(tag.Name); break;
            case "h1" when _facts.Heading is null: Begin(tag.Name); break;
            case "p" when !_facts.HasEnoughText: Begin(tag.Name); break;
        }

        return tag.Name switch
        {
            "title" or "textarea" => HtmlParseMode.RCData,
            "style" or "xmp" or "iframe" or "noembed" or "noframes" => HtmlParseMode.Rawtext,
            "script" => HtmlParseMode.Script,
            "plaintext" => HtmlParseMode.Plaintext,
            _ => null,
        };
    }

    private void Meta(HtmlTagToken tag)
    {
        var content = tag.GetAttribute("content");
        foreach (var attribute in (ReadOnlySpan<string>)["property", "name", "itemprop"])
        {
            var name = tag.GetAttribute(attribute);
            if (name.Length > 0) _facts.Add(name.Trim().ToLowerInvariant(), content);
        }
    }

    private void Link(HtmlTagToken tag)
    {
        foreach (var relation in tag.GetAttribute("rel").ToLowerInvariant()
            .Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (relation is "image_src") _facts.Image ??= tag.GetAttribute("href");
            if (relation is "apple-touch-icon" or "icon") _facts.Icon ??= tag.GetAttribute("href");
        }
    }

    private void Begin(string element)
    {
        End();
        _within = element;
    }

    private void Add(string text)
    {
        if (_within is null || _text.Length > PageFacts.LongestText) return;
        var end = Math.Min(text.Length, 2 * PageFacts.LongestText);
        if (end < text.Length && char.IsHighSurrogate(text[end - 1])) end--;
        _text.Append(text.AsSpan(0, end));
    }

    private void End()
    {
        var text = PageFacts.Shortened(_text.ToString());
        switch (_within)
        {
            case "title": _facts.Title = text; break;
            case "h1": _facts.Heading = text; break;
            case "p": _facts.AddText(text); break;
        }

        _text.Clear();
        _within = null;
    }
}
