using System.Globalization;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// A position between two events of a room's timeline: <c>prev_batch</c> of sync, and <c>start</c> and <c>end</c> of
/// pages.
/// </summary>
/// <remarks>
/// Written as <c>t1_ordinal</c>. Endpoints accept a sync token in its place; it means the position after the last event
/// that it covers.
/// </remarks>
/// <param name="Before">The ordinal before the position: paging backward begins with it, paging forward with the next
/// one.</param>
public readonly record struct TimelineToken(uint Before)
{
    private const string Form = "t1_";

    /// <summary>The position right before an event.</summary>
    public static TimelineToken JustBefore(EventNid nid) => new(nid.Ordinal == 0 ? 0 : nid.Ordinal - 1);

    /// <summary>The position right after an event.</summary>
    public static TimelineToken JustAfter(EventNid nid) => new(nid.Ordinal);

    /// <summary>Parses a token of this server; false for any other text.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimelineToken token)
    {
        bool parsed = text.StartsWith(Form, StringComparison.Ordinal)
            & uint.TryParse(
                text.StartsWith(Form, StringComparison.Ordinal) ? text[Form.Length..] : [],
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out uint ordinal);
        token = new TimelineToken(parsed ? ordinal : 0);
        return parsed;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Form}{Before}");
}
