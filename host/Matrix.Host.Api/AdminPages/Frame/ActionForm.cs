using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>Forms that are a button.</summary>
internal static class ActionForm
{
    /// <summary>A button that does an action which can be undone.</summary>
    /// <param name="visit">The request.</param>
    /// <param name="action">The name of the action.</param>
    /// <param name="label">The text of the button.</param>
    /// <param name="look">The class of the button; empty for the usual one.</param>
    /// <param name="fields">What the action gets.</param>
    internal static Html Of(
        AdminVisit visit,
        string action,
        string label,
        string look,
        params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var hidden = new List<Html>();
        foreach (var (name, value) in fields)
        {
            hidden.Add(Html.Of($"""<input type="hidden" name="{name}" value="{value}">"""));
        }

        return Html.Of($"""
            <form method="post" action="{action}">{visit.Session.FormField}{Html.Join(hidden)}
            <button class="{look}">{label}</button></form>
            """);
    }
}
