using System.Buffers;
using System.Globalization;
using System.Text;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// The stored form of text. PostgreSQL stores neither NUL nor lone surrogates, and UTF-8 has no form for the latter,
/// but events of other servers may contain both. Such a character is stored as an escape character and four hexadecimal
/// digits; so is the escape character itself. Different texts are stored differently.
/// </summary>
internal static class StoredText
{
    /// <summary>"Data link escape", which no identifier contains.</summary>
    private const char Escape = '\u0010';

    private const int Digits = 4;

    private static readonly SearchValues<char> _special = SearchValues.Create([.. Specials()]);

    /// <summary>The stored form; the same string if nothing has to be escaped.</summary>
    public static string Encode(string text) =>
        text.AsSpan().IndexOfAny(_special) < 0 ? text : Escaped(text);

    /// <summary>The text of a stored form.</summary>
    public static string Decode(string stored)
    {
        var next = stored.IndexOf(Escape, StringComparison.Ordinal);
        if (next < 0) return stored;

        var text = new StringBuilder(stored.Length);
        var from = 0;
        while (next >= 0)
        {
            text.Append(stored, from, next - from);
            if (CodeAt(stored, next + 1) is { } code)
            {
                text.Append((char)code);
                from = next + 1 + Digits;
            }
            else
            {
                // Stored before characters were escaped.
                text.Append(Escape);
                from = next + 1;
            }

            next = stored.IndexOf(Escape, from);
        }

        return text.Append(stored, from, stored.Length - from).ToString();
    }

    private static string Escaped(string text)
    {
        var stored = new StringBuilder(text.Length + (2 * Digits));
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                stored.Append(text, i++, 2);
            }
            else if (text[i] is '\0' or Escape || char.IsSurrogate(text[i]))
            {
                stored.Append(Escape).Append(((int)text[i]).ToString("X4", CultureInfo.InvariantCulture));
            }
            else
            {
                stored.Append(text[i]);
            }
        }

        return stored.ToString();
    }

    /// <summary>The escaped character whose digits begin here; null if this is not the form that is written.</summary>
    private static int? CodeAt(string stored, int start) =>
        start + Digits <= stored.Length
        && int.TryParse(
            stored.AsSpan(start, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
        && (code is 0 or Escape || char.IsSurrogate((char)code))
            ? code
            : null;

    private static IEnumerable<char> Specials() =>
        Enumerable.Range(0xD800, 0x800).Select(code => (char)code).Append('\0').Append(Escape);
}
