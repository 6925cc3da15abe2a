using System.Globalization;

namespace Matrix.Host.Rooms.Searching;

/// <summary>A group of hits. v1.19 client-server-api#server-side-search, v1.19 client-server-api#groups</summary>
/// <param name="IsRoom">Whether it is the hits of a room; otherwise those of a sender.</param>
/// <param name="Value">The room's or the user's id.</param>
public sealed record SearchGroup(bool IsRoom, string Value);

/// <summary>
/// A place among the hits of a search: the last hit before it, by what hits are ordered by. It means the same whatever
/// events come later.
/// </summary>
/// <param name="Words">The number of words of the hit.</param>
/// <param name="Ts">Its time.</param>
/// <param name="Ordinal">Its ordinal in its room.</param>
/// <param name="RoomId">Its room.</param>
/// <param name="Group">The group whose hits follow; null for all.</param>
/// <param name="Count">The number of all hits, before this place too; null if the pages before did not say it.</param>
public sealed record SearchToken(
    int Words, long Ts, uint Ordinal, string RoomId, SearchGroup? Group, long? Count = null)
{
    private const string Form = "s3";

    /// <summary>Tokens without the number of hits.</summary>
    private const string FormerForm = "s2";

    /// <summary>What divides the parts: no id contains it, while those of rooms may contain a line break.</summary>
    private const char Divider = '\0';

    /// <summary>Reads the text of a token; null if it is none.</summary>
    internal static SearchToken? Parse(string text)
    {
        var parts = text.Split(Divider);
        long? count = null;
        if (parts[0] == Form && parts.Length > 1)
        {
            var isKnown = long.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var hits);
            count = isKnown ? hits : null;
            parts = [FormerForm, .. parts[1..^1]];
        }

        if (parts.Length is not (5 or 7)
            || parts[0] != FormerForm
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var words)
            || !long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var ts)
            || !uint.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            || (parts.Length == 7 && parts[5] is not ("room_id" or "sender")))
        {
            return null;
        }

        var group = parts.Length == 7 ? new SearchGroup(parts[5] == "room_id", parts[6]) : null;
        return new SearchToken(words, ts, ordinal, parts[4], group, count);
    }

    /// <summary>The text of the token, before it is encrypted.</summary>
    internal string ToText()
    {
        string[] parts =
        [
            Form,
            Words.ToString(CultureInfo.InvariantCulture),
            Ts.ToString(CultureInfo.InvariantCulture),
            Ordinal.ToString(CultureInfo.InvariantCulture),
            RoomId,
        ];
        if (Group is { } group) parts = [.. parts, group.IsRoom ? "room_id" : "sender", group.Value];
        return string.Join(Divider, [.. parts, Count?.ToString(CultureInfo.InvariantCulture) ?? ""]);
    }
}
