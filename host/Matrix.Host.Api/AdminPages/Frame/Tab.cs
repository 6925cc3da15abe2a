using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>Links between the pages of one thing.</summary>
internal static class Tab
{
    /// <summary>A link.</summary>
    internal static Html Of(string label, string link, bool isCurrent) => isCurrent
        ? Html.Of($"""<a href="{link}" aria-current="page">{label}</a> """)
        : Html.Of($"""<a href="{link}">{label}</a> """);
}
