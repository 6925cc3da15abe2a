using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>The layout of the pages for administrators.</summary>
internal static class Layout
{
    /// <summary>The response with a page.</summary>
    internal static Answer Of(AdminVisit visit, AdminView view, string serverName)
    {
        var above = view.Above is var (label, link)
            ? Html.Of($"""<p class="above"><a href="{link}">{label}</a></p>""")
            : Html.Empty;
        return new PageDocument($"{view.Title} – {serverName}", Html.Of($"""
            <a class="skip" href="#main">Skip to the content</a>
            <header class="top">
            <a class="brand" href="{AdminFrame.FirstPage}"><strong>{serverName}</strong> <span>Administration</span></a>
            <form method="post" action="sign-out">{visit.Session.FormField}<span class="who">{visit.User.UserId}</span>
            <button class="quiet">Sign out</button></form>
            </header>
            <div class="columns">
            <details class="menu"><summary>Menu <span>{Sections.LabelOf(view.Section)}</span></summary>
            {NavigationOf(view, "Sections, short")}</details>
            <div class="side">{NavigationOf(view, "Sections")}</div>
            <main id="main" tabindex="-1">
            {above}
            <div class="title"><h1>{view.Title}</h1>{view.Marks}</div>
            <p role="alert">{view.Alert}</p>
            <p role="status">{view.Done}</p>
            {view.Body}
            </main>
            </div>
            """))
        {
            Head = view.Head,
            Script = view.Script,
            Status = view.Status,
        }.In(AdminStyle.Sheet);
    }

    private static Html NavigationOf(AdminView view, string label) => Html.Of($"""
        <nav aria-label="{label}"><ul>
        {Html.Join(Sections.All.Select(section => LinkOf(section, view.Section)))}
        </ul></nav>
        """);

    private static Html LinkOf((string Page, string Label) section, string current) => section.Page == current
        ? Html.Of($"""<li><a href="{section.Page}" aria-current="page">{section.Label}</a></li>""")
        : Html.Of($"""<li><a href="{section.Page}">{section.Label}</a></li>""");
}
