using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>A column of a table.</summary>
/// <param name="Head">Its heading.</param>
internal sealed record Column(string Head)
{
    /// <summary>Whether it has numbers, which are aligned.</summary>
    internal bool IsNumber { get; init; }

    /// <summary>Whether it is left out where there is no room: the page of a row has it too.</summary>
    internal bool IsOptional { get; init; }

    /// <summary>The name of the order by it; empty if the list cannot be sorted by it.</summary>
    internal string Order { get; init; } = "";

    /// <summary>The class of its cells.</summary>
    internal string Class => (IsNumber, IsOptional) switch
    {
        (true, true) => "number optional",
        (true, false) => "number",
        (false, true) => "optional",
        _ => "",
    };
}

/// <summary>Tables. The first cell of a row is its heading.</summary>
internal static class DataTable
{
    /// <summary>A table.</summary>
    /// <param name="caption">What it lists.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="rows">The cells of each row.</param>
    /// <param name="empty">What is said if there is no row.</param>
    /// <param name="list">The list, if it has pages or can be sorted.</param>
    internal static Html Of(
        string caption, Column[] columns, IReadOnlyList<Html[]> rows, string empty, ListState? list = null)
    {
        var pages = list?.PagesOf(rows.Count) ?? Html.Empty;
        if (rows.Count == 0)
        {
            return Html.Of($"""<div class="panel"><p class="empty">{empty}</p>{pages}</div>""");
        }

        return Html.Of($"""
            <div class="panel"><table><caption>{caption}</caption>
            <thead><tr>{Html.Join(columns.Select(column => HeadOf(column, list)))}</tr></thead>
            <tbody>
            {Html.Join(rows.Select(row => RowOf(columns, row)))}
            </tbody></table>{pages}</div>
            """);
    }

    private static Html HeadOf(Column column, ListState? list)
    {
        if (list is null || column.Order.Length == 0)
        {
            return Html.Of($"""<th scope="col" class="{column.Class}">{column.Head}</th>""");
        }

        var sorted = list.Order != column.Order ? Html.Empty
            : list.IsReversed ? Html.Of($""" aria-sort="descending" """)
            : Html.Of($""" aria-sort="ascending" """);
        return Html.Of($"""
            <th scope="col" class="{column.Class}"{sorted}>
            <a href="{list.SortedBy(column.Order)}">{column.Head}</a></th>
            """);
    }

    private static Html RowOf(Column[] columns, Html[] cells)
    {
        var row = columns.Zip(cells, static (column, cell) => (column, cell)).Select(static (each, i) => i == 0
            ? Html.Of($"""<th scope="row" class="{each.column.Class}">{each.cell}</th>""")
            : Html.Of($"""<td class="{each.column.Class}">{each.cell}</td>"""));
        return Html.Of($"<tr>{Html.Join(row)}</tr>\n");
    }
}
