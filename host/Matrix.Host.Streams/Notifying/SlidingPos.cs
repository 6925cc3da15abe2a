using System.Globalization;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// A response of sliding sync: sent as <c>pos</c> and returned in the next request. Opaque to clients. MSC4186,
/// "Connections". Written as <c>p1_number_</c> and the token of the response's position, so that pages of a room's
/// history can begin there.
/// </summary>
/// <param name="Number">The response, unique among all responses of this server.</param>
/// <param name="Token">The position at which the response ends.</param>
public readonly record struct SlidingPos(long Number, SyncToken Token)
{
    private const string Form = "p1_";

    /// <summary>Parses a position of this server; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SlidingPos pos)
    {
        pos = default;
        if (!text.StartsWith(Form, StringComparison.Ordinal)) return false;
        var rest = text[Form.Length..];
        var end = rest.IndexOf('_');
        if (end <= 0
            || !long.TryParse(rest[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || !SyncToken.TryParse(rest[(end + 1)..], out var token))
        {
            return false;
        }

        pos = new SlidingPos(number, token);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Form}{Number}_{Token}");
}
