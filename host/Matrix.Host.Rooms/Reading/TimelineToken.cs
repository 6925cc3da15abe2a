using System.Globalization;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// A place between two events of a room's timeline: what <c>prev_batch</c> of sync holds, and <c>start</c> and <c>end</c> of pages.
/// </summary>
/// <remarks>
/// Written as <c>t1_ordinal</c>. A sync token can stand where one of these is expected; its place in a room is behind
/// the last event of its position.
/// </remarks>
/// <param name="Before">The place is right behind this ordinal: paging backward begins with it, paging forward with the next.</param>
public readonly record struct TimelineToken(uint Before)
{
    private const string Form = "t1_";

    /// <summary>The place right before an event.</summary>
    public static TimelineToken JustBefore(EventNid nid) => new(nid.Ordinal == 0 ? 0 : nid.Ordinal - 1);

    /// <summary>The place right behind an event.</summary>
    public static TimelineToken JustAfter(EventNid nid) => new(nid.Ordinal);

    /// <summary>Reads a token that this server wrote; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimelineToken token)
    {
        bool parsed = text.StartsWith(Form, StringComparison.Ordinal)
            & uint.TryParse(text.StartsWith(Form, StringComparison.Ordinal) ? text[Form.Length..] : [], NumberStyles.None, CultureInfo.InvariantCulture, out uint ordinal);
        token = new TimelineToken(parsed ? ordinal : 0);
        return parsed;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Form}{Before}");
}
