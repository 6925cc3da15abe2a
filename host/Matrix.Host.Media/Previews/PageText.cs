using System.Buffers;
using System.Text;
using AngleSharp.Text;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Media.Previews;

/// <summary>
/// Decodes pages. HTML Standard, "Determining the character encoding", without guesses from the text.
/// </summary>
internal static class PageText
{
    /// <summary>Pages name their encoding in their first bytes.</summary>
    private const int Prescanned = 1024;

    /// <summary>What follows the name of an encoding.</summary>
    private static readonly SearchValues<char> _ends = SearchValues.Create("\"'; />");

    static PageText() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>The text of a page.</summary>
    /// <param name="bytes">Its bytes, possibly cut.</param>
    /// <param name="contentType">Its media type.</param>
    internal static string Decode(ReadOnlySpan<byte> bytes, MediaTypeHeaderValue contentType)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) return Encoding.UTF8.GetString(bytes[3..]);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE])) return Encoding.Unicode.GetString(bytes[2..]);
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF])) return Encoding.BigEndianUnicode.GetString(bytes[2..]);
        var named = HeaderUtilities.RemoveQuotes(contentType.Charset).Value ?? "";
        if (!TextEncoding.IsSupported(named)) named = NamedIn(bytes[..Math.Min(bytes.Length, Prescanned)]);
        return TextEncoding.Resolve(named).GetString(bytes);
    }

    /// <summary>The encoding that a `meta` element names; "utf-8" for none.</summary>
    private static string NamedIn(ReadOnlySpan<byte> start)
    {
        const string Member = "charset=";
        var text = Encoding.Latin1.GetString(start);
        for (var at = 0; (at = text.IndexOf(Member, at, StringComparison.OrdinalIgnoreCase)) >= 0;)
        {
            at += Member.Length;
            var rest = text.AsSpan(at).TrimStart("\"' ");
            var end = rest.IndexOfAny(_ends);
            var name = (end < 0 ? rest : rest[..end]).ToString();

            // A page that can be read so far is not UTF-16.
            if (TextEncoding.IsSupported(name))
            {
                return name.StartsWith("utf-16", StringComparison.OrdinalIgnoreCase) ? "utf-8" : name;
            }
        }

        return "utf-8";
    }
}
