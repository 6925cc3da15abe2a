using System.Globalization;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Audit;

/// <summary>What administrators did, the newest first. A page continues before the last entry of the page before.
/// </summary>
internal sealed class AuditPage(AdminFrame frame, AuditLog audit) : IEndpoints
{
    private static readonly Column[] _columns =
        [
            new("Action"), new("Target"), new("By") { IsOptional = true }, new("When"),
            new("Result") { IsOptional = true },
        ];

    public void Map(ClientRoutes routes) => frame.Page(routes, Sections.Audit, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Audit, visit, "", "who", "action", "target");
        var query = new AuditQuery(list["who"], list["action"], list["target"]);
        var before = long.TryParse(visit.Query("before"), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : long.MaxValue;
        var rows = await audit.NewestAsync(query, before, ListState.PageSize, stop);
        var total = await audit.CountAsync(query, stop);
        var older = rows.Count < ListState.PageSize
            ? Html.Empty
            : Html.Of($"""
                <nav class="pages" aria-label="Pages"><a rel="next" href="{Link.To(
                    Sections.Audit,
                    ("who", query.Who),
                    ("action", query.Action),
                    ("target", query.Target),
                    ("before", rows[^1].Id.ToString(CultureInfo.InvariantCulture)))}">Older ›</a></nav>
                """);
        return new AdminView(Sections.Audit, "Audit log", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.TextField("who", "Administrator")}
                {list.TextField("action", "Action, such as user.lock")}
                {list.TextField("target", "Target")}
                """))}
            {DataTable.Of(
                $"{Format.Count(total)} entries, the newest first", _columns, [.. rows.Select(RowOf)], "No entry.")}
            {older}
            """));
    }

    private static Html[] RowOf(AuditRow row) =>
    [
        Html.Of($"<code>{row.Action}</code>"),
        Html.Of($"{row.Target}"),
        Html.Of($"{row.Who}<small>{row.Address}</small>"),
        Format.Time(row.DoneAt),
        row.Result == "done"
            ? Format.Badge("good", "done")
            : Html.Of($"""{Format.Badge("bad", "failed")} {row.Result}"""),
    ];
}
