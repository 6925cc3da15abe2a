using System.Globalization;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>
/// A list that is searched, sorted and read in pages, by its query: `from`, `order`, `dir` and the fields of its
/// filters. Links keep what they do not change.
/// </summary>
internal sealed class ListState
{
    /// <summary>The items of a page.</summary>
    internal const int PageSize = 50;

    private readonly string _page;
    private readonly (string Name, string? Value)[] _filters;

    /// <summary>The list that a request asks for.</summary>
    /// <param name="page">The name of the page.</param>
    /// <param name="visit">The request.</param>
    /// <param name="usualOrder">The order if the query has none.</param>
    /// <param name="filters">The names of the filters.</param>
    internal ListState(string page, AdminVisit visit, string usualOrder, params ReadOnlySpan<string> filters)
    {
        _page = page;
        _filters = new (string, string?)[filters.Length];
        for (var i = 0; i < filters.Length; i++) _filters[i] = (filters[i], visit.Query(filters[i]).Trim());
        From = long.TryParse(visit.Query("from"), NumberStyles.None, CultureInfo.InvariantCulture, out var from)
            ? Math.Min(from, int.MaxValue)
            : 0;
        Order = visit.Query("order") is { Length: > 0 } order ? order : usualOrder;
        IsReversed = visit.Query("dir") == "b";
    }

    /// <summary>The items before the page.</summary>
    internal long From { get; }

    /// <summary>The name of the order.</summary>
    internal string Order { get; }

    /// <summary>Whether the order is reversed.</summary>
    internal bool IsReversed { get; }

    /// <summary>The items of all pages.</summary>
    internal long Total { get; set; }

    /// <summary>The value of a filter; null for none.</summary>
    internal string? this[string filter] =>
        _filters.FirstOrDefault(each => each.Name == filter).Value is { Length: > 0 } value ? value : null;

    /// <summary>The link that sorts the list, in the other direction if it is sorted so.</summary>
    internal string SortedBy(string order) => LinkTo(0, order, order == Order && !IsReversed);

    /// <summary>A form that searches the list.</summary>
    /// <param name="fields">The labels with their fields.</param>
    /// <param name="button">The text of the button.</param>
    internal Html FormOf(Html fields, string button = "Search") => Html.Of($"""
        <form method="get" class="filters">
        {fields}
        <input type="hidden" name="order" value="{Order}">
        <button>{button}</button>
        </form>
        """);

    /// <summary>A field for text.</summary>
    internal Html TextField(string filter, string label) => Html.Of($"""
        <label class="wide">{label}
        <input type="search" name="{filter}" value="{this[filter]}" autocapitalize="none" spellcheck="false"></label>
        """);

    /// <summary>A field with choices; the first one is no filter.</summary>
    internal Html Choice(string filter, string label, params ReadOnlySpan<(string Value, string Text)> choices)
    {
        var options = new List<Html>();
        foreach (var (value, text) in choices)
        {
            var selected = value == (this[filter] ?? "") ? Html.Of($" selected") : Html.Empty;
            options.Add(Html.Of($"""<option value="{value}"{selected}>{text}</option>"""));
        }

        return Html.Of($"""<label>{label} <select name="{filter}">{Html.Join(options)}</select></label>""");
    }

    /// <summary>Which part of the list is shown, and links to the pages beside it.</summary>
    internal Html PagesOf(int shown)
    {
        if (From == 0 && shown >= Total) return Html.Empty;
        var before = Math.Max(0, From - PageSize);
        var previous = From > 0
            ? Html.Of($"""<a rel="prev" href="{LinkTo(before, Order, IsReversed)}">‹ Previous</a>""")
            : Html.Empty;
        var next = From + shown < Total && shown > 0
            ? Html.Of($"""<a rel="next" href="{LinkTo(From + PageSize, Order, IsReversed)}">Next ›</a>""")
            : Html.Empty;
        var part = shown == 0
            ? $"none of {Format.Count(Total)}"
            : $"{Format.Count(From + 1)}–{Format.Count(From + shown)} of {Format.Count(Total)}";
        return Html.Of($"""<nav class="pages" aria-label="Pages">{previous}<span>{part}</span>{next}</nav>""");
    }

    private string LinkTo(long from, string order, bool isReversed) => Link.To(
        _page,
        [
            .. _filters,
            ("order", order),
            ("dir", isReversed ? "b" : null),
            ("from", from == 0 ? null : from.ToString(CultureInfo.InvariantCulture)),
        ]);
}
