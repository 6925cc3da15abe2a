using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Inspecting;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>
/// A room's graph as SVG, beside a list of its events, which says in words all that the drawing shows.
/// </summary>
internal static class GraphDrawing
{
    private const int RowHeight = 40;
    private const int ColumnWidth = 16;

    /// <summary>Columns beyond this many are drawn in the last one.</summary>
    private const int MostColumns = 12;

    /// <summary>The drawing and the list.</summary>
    internal static Html Of(InspectedGraph graph)
    {
        StoredEvent[] events = [.. graph.Events.OrderByDescending(static each => each.Nid.Value)];
        var layout = GraphLayout.Of(events.Select(static each =>
            (each.EventId, (IReadOnlyList<string>)each.Pdu.PrevEvents)));
        var width = (Math.Min(layout.Columns, MostColumns) + 1) * ColumnWidth;
        var height = events.Length * RowHeight;
        var forks = events.SelectMany(static each => each.Pdu.PrevEvents).GroupBy(static id => id)
            .Count(static group => group.Count() > 1);
        var words = $"The newest {events.Length} events; {graph.Extremities.Count} forward extremities, {forks} forks. "
            + "The list has each event.";
        return Html.Of($"""
            <div class="panel graph">
            <svg width="{width}" height="{height}" role="img" aria-label="{words}">
            {Html.Join(layout.Lines.Select(line => LineOf(line, height)))}
            {Html.Join(events.Select((each, i) => DotOf(graph, each, layout.Points[i])))}
            </svg>
            <ol aria-label="Events, the newest first">{Html.Join(events.Select(each => ItemOf(graph, each)))}</ol>
            </div>
            """);
    }

    private static Html LineOf(GraphLine line, int height)
    {
        var (x0, y0) = (X(line.From.Column), Y(line.From.Row));
        var (x, x1) = (X(line.Column), X(line.To.Column));
        var y1 = line.IsOpen ? height : Y(line.To.Row);
        const int Bend = RowHeight / 2;
        var path = line.To.Row - line.From.Row == 1 || y1 < y0
            ? $"M{x0},{y0} C{x0},{y0 + Bend} {x1},{y1 - Bend} {x1},{y1}"
            : $"M{x0},{y0} C{x0},{y0 + Bend} {x},{y0 + Bend} {x},{y0 + RowHeight} V{y1 - RowHeight} "
                + $"C{x},{y1 - Bend} {x1},{y1 - Bend} {x1},{y1}";
        return Html.Of($"""<path d="{path}" class="{(line.IsOpen ? "faint" : "")}"/>""");
    }

    private static Html DotOf(InspectedGraph graph, StoredEvent stored, GraphPoint point)
    {
        var (x, y) = (X(point.Column), Y(point.Row));
        var look = IsRefused(stored) ? "refused" : IsState(stored) ? "state" : "message";
        var ring = graph.Extremities.Contains(stored.EventId)
            ? Html.Of($"""<circle class="newest" cx="{x}" cy="{y}" r="7.5"/>""")
            : Html.Empty;
        return Html.Of($"""{ring}<circle class="{look}" cx="{x}" cy="{y}" r="4.2"/>""");
    }

    private static Html ItemOf(InspectedGraph graph, StoredEvent stored)
    {
        var pdu = stored.Pdu;
        var about = (stored.Membership, pdu.StateKey) switch
        {
            ({ } membership, { } user) => $"{membership}: {user}",
            (_, { Length: > 0 } key) => key,
            _ => "",
        };
        var previous = pdu.PrevEvents.Length > 1 ? $", after {pdu.PrevEvents.Length} events" : "";
        var missing = pdu.PrevEvents.Any(graph.Gaps.Contains);
        return Html.Of($"""
            <li><span><b><a href="{RoomLink.ToEvent(graph.RoomId, stored.EventId)}">{pdu.Type}</a> {about}</b>
            <small>{stored.Row.Sender}{previous} · {TimeOf(stored)}</small></span>
            <span>{Format.BadgeIf(graph.Extremities.Contains(stored.EventId), "good", "extremity")}
            {Format.BadgeIf(IsState(stored), "info", "state")}
            {Format.BadgeIf((stored.Row.Marks & EventMarks.Rejected) != 0, "bad", "rejected")}
            {Format.BadgeIf((stored.Row.Marks & EventMarks.SoftFailed) != 0, "bad", "soft-failed")}
            {Format.BadgeIf(missing, "warn", "gap before it")}</span></li>
            """);
    }

    private static Html TimeOf(StoredEvent stored) => Format.Time(stored.OriginServerTs);

    private static bool IsState(StoredEvent stored) => (stored.Row.Marks & EventMarks.State) != 0;

    private static bool IsRefused(StoredEvent stored) =>
        (stored.Row.Marks & (EventMarks.Rejected | EventMarks.SoftFailed)) != 0;

    private static int X(int column) => (Math.Min(column, MostColumns - 1) + 1) * ColumnWidth;

    private static int Y(int row) => (row * RowHeight) + (RowHeight / 2);
}
