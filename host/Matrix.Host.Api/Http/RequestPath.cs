using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Matrix.Host.Api.Http;

/// <summary>Percent-decoding. RFC 3986; identifiers in paths contain `!`, `#`, `/` and more.</summary>
internal static class RequestPath
{
    private static readonly SearchValues<char> _coded = SearchValues.Create("%+");

    /// <summary>The path of a request target, without the query. A target may include scheme and host.</summary>
    internal static ReadOnlySpan<char> PathOf(ReadOnlySpan<char> target)
    {
        var query = target.IndexOf('?');
        return PathAndQueryOf(query < 0 ? target : target[..query]);
    }

    /// <summary>The path and query of a request target as sent: what a server signs.</summary>
    internal static ReadOnlySpan<char> PathAndQueryOf(ReadOnlySpan<char> target)
    {
        if (target.Length == 0 || target[0] == '/') return target;

        var authority = target.IndexOf("://", StringComparison.Ordinal);
        if (authority < 0) return target;
        var path = target[(authority + 3)..].IndexOf('/');
        return path < 0 ? "/" : target[(authority + 3 + path)..];
    }

    /// <summary>The query of a request target, without the question mark.</summary>
    internal static ReadOnlySpan<char> QueryOf(ReadOnlySpan<char> target)
    {
        var query = target.IndexOf('?');
        return query < 0 ? [] : target[(query + 1)..];
    }

    /// <summary>Decodes one segment of a path, or one name or value of a query.</summary>
    /// <param name="plusIsSpace">Whether `+` means a space, as in a query.</param>
    /// <returns>False for a broken escape, bytes that are not UTF-8, and NUL, which no identifier contains.</returns>
    internal static bool TryDecode(ReadOnlySpan<char> text, bool plusIsSpace, [NotNullWhen(true)] out string? decoded)
    {
        decoded = null;
        var first = plusIsSpace ? text.IndexOfAny(_coded) : text.IndexOf('%');
        if (first < 0 && Ascii.IsValid(text))
        {
            decoded = text.ToString();
            return true;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            var length = 0;
            for (var i = 0; i < text.Length; i++)
            {
                var c = text[i];
                if (c == '%')
                {
                    if (i + 2 >= text.Length) return false;
                    if (!char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) return false;
                    c = (char)((Hex(text[i + 1]) << 4) | Hex(text[i + 2]));
                    i += 2;
                }
                else if (c == '+' && plusIsSpace)
                {
                    c = ' ';
                }

                if (c is '\0' or > '\xFF') return false;
                bytes[length++] = (byte)c;
            }

            var utf8 = bytes.AsSpan(0, length);
            if (!Utf8.IsValid(utf8)) return false;
            decoded = Encoding.UTF8.GetString(utf8);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static int Hex(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
