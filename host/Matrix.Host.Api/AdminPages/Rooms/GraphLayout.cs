namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>An event of a drawn graph: its row from the top, and its column from the left.</summary>
internal readonly record struct GraphPoint(int Row, int Column);

/// <summary>
/// A line from an event to one of its previous events. Between the two it runs in a column where no event is.
/// </summary>
/// <param name="From">The later event.</param>
/// <param name="Column">The column in which it runs.</param>
/// <param name="To">The previous event; below the last row if it is not drawn.</param>
/// <param name="IsOpen">Whether the previous event is not drawn.</param>
internal readonly record struct GraphLine(GraphPoint From, int Column, GraphPoint To, bool IsOpen);

/// <summary>
/// Places the events of a graph, the newest on top, one in each row. Each branch has a column of its own, which is used
/// again when the branch ends.
/// </summary>
internal sealed class GraphLayout
{
    private readonly List<string?> _awaited = [];
    private readonly List<List<GraphPoint>> _open = [];
    private readonly Dictionary<string, GraphPoint> _placed = new(StringComparer.Ordinal);
    private readonly List<GraphPoint> _points = [];
    private readonly List<GraphLine> _lines = [];

    private GraphLayout()
    {
    }

    /// <summary>The place of each event, in the order of the events.</summary>
    internal IReadOnlyList<GraphPoint> Points => _points;

    /// <summary>The lines.</summary>
    internal IReadOnlyList<GraphLine> Lines => _lines;

    /// <summary>The number of columns.</summary>
    internal int Columns => Math.Max(1, _awaited.Count);

    /// <summary>Places events, each after those whose previous event it is.</summary>
    internal static GraphLayout Of(IEnumerable<(string EventId, IReadOnlyList<string> Previous)> newestFirst)
    {
        var layout = new GraphLayout();
        foreach (var (eventId, previous) in newestFirst) layout.Add(eventId, previous);
        layout.End();
        return layout;
    }

    private void Add(string eventId, IReadOnlyList<string> previous)
    {
        var at = _awaited.IndexOf(eventId);
        var point = new GraphPoint(_points.Count, at >= 0 ? at : FreeColumn());
        _points.Add(point);
        _placed[eventId] = point;
        for (var column = 0; column < _awaited.Count; column++)
        {
            if (_awaited[column] == eventId) Close(column, point, isOpen: false);
        }

        foreach (var id in previous.Distinct())
        {
            if (_placed.TryGetValue(id, out var above))
            {
                _lines.Add(new GraphLine(point, point.Column, above, IsOpen: false));
                continue;
            }

            var column = _awaited.IndexOf(id);
            if (column < 0)
            {
                column = _awaited[point.Column] is null ? point.Column : FreeColumn();
                _awaited[column] = id;
            }

            _open[column].Add(point);
        }
    }

    private int FreeColumn()
    {
        var free = _awaited.IndexOf(null);
        if (free >= 0) return free;
        _awaited.Add(null);
        _open.Add([]);
        return _awaited.Count - 1;
    }

    private void Close(int column, GraphPoint to, bool isOpen)
    {
        foreach (var from in _open[column]) _lines.Add(new GraphLine(from, column, to, isOpen));
        _open[column].Clear();
        _awaited[column] = null;
    }

    private void End()
    {
        for (var column = 0; column < _awaited.Count; column++)
        {
            if (_awaited[column] is not null) Close(column, new GraphPoint(_points.Count, column), isOpen: true);
        }
    }
}
