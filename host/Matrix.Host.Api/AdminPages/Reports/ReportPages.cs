using System.Globalization;
using Matrix.Host.Api.Admin.ServerRooms;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Reports;

/// <summary>What users reported: the list, and each report with its event.</summary>
internal sealed class ReportPages(AdminFrame frame, ReportLists reports, AnyEvents events, AuditLog audit) : IEndpoints
{
    private const string Page = "report";

    private static readonly Column[] _columns =
        [new("Reported"), new("Reason"), new("By") { IsOptional = true }, new("When") { IsOptional = true }];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Sections.Reports, ListAsync);
        frame.Page(routes, Page, ShowAsync);
        frame.Confirmed(routes, "report-delete", new ReportDeletion(reports, audit));
    }

    /// <summary>The link to a report.</summary>
    internal static string LinkTo(long id) => Link.To(Page, ("id", id.ToString(CultureInfo.InvariantCulture)));

    /// <summary>The report that a request names; null if there is none.</summary>
    internal static async ValueTask<ListedReport?> FindAsync(
        ReportLists reports, AdminVisit visit, CancellationToken stop) =>
        long.TryParse(visit.Query("id"), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? await reports.FindAsync(id, stop)
            : null;

    private async ValueTask<AdminView> ListAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Reports, visit, "", "kind", "user", "reporter");
        ReportKind? kind = list["kind"] switch
        {
            "events" => ReportKind.Event,
            "rooms" => ReportKind.Room,
            "users" => ReportKind.User,
            _ => null,
        };
        var query = new ReportQuery(list["reporter"], null, list["user"], IsOldestFirst: false, kind);
        var (found, total) = await reports.ListAsync(query, list.From, ListState.PageSize, stop);
        list.Total = total;
        return new AdminView(Sections.Reports, "Reports", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.Choice("kind", "What", ("", "all"), ("events", "events"), ("rooms", "rooms"), ("users", "users"))}
                {list.TextField("user", "Reported user")}
                {list.TextField("reporter", "Reported by")}
                """))}
            {DataTable.Of("Reports, the newest first", _columns, [.. found.Select(RowOf)], "No reports.", list)}
            """));
    }

    private static Html[] RowOf(ListedReport report)
    {
        var content = report.Row.Content;
        var (kind, what) = content.Kind switch
        {
            ReportKind.Room => ("room", report.RoomName ?? content.RoomId),
            ReportKind.User => ("user", content.UserId),
            _ => ("event", $"of {content.UserId}"),
        };
        return
        [
            Html.Of($"""
                <a href="{LinkTo(report.Row.Id)}">{kind} {what}</a>
                <small>{(content.Kind == ReportKind.Event ? $"in {report.RoomName ?? content.RoomId}" : "")}</small>
                """),
            Format.TextOr(Shortened(content.Reason), "no reason"),
            Html.Of($"{report.Row.Reporter}"),
            Format.Time(report.Row.ReceivedAt),
        ];
    }

    private static string Shortened(string text) => text.Length <= 200 ? text : text[..200] + "…";

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        if (await FindAsync(reports, visit, stop) is not { } report)
        {
            return AdminView.Nothing(Sections.Reports, "There is no such report.") with
            {
                Above = ("Reports", Sections.Reports),
            };
        }

        var content = report.Row.Content;
        var stored = content is { RoomId: { } roomId, EventId: { } eventId }
            ? await events.FindAsync(visit.User.UserId, roomId, eventId, stop)
            : null;
        var id = report.Row.Id.ToString(CultureInfo.InvariantCulture);
        return new AdminView(Sections.Reports, $"Report {id}", Html.Of($"""
            {Format.Fields(
                Format.Field("Reason", content.Reason.Length == 0 ? null : content.Reason),
                Format.Field("Reported by", UserLink(report.Row.Reporter)),
                Format.Field("When", Format.Time(report.Row.ReceivedAt)),
                content.UserId is { } user
                    ? Format.Field(content.Kind == ReportKind.Event ? "Sender" : "User", UserLink(user))
                    : Html.Empty,
                content.RoomId is { } room
                    ? Format.Field("Room", Html.Of($"""<a href="{RoomLink.To(room)}">{report.RoomName ?? room}</a>"""))
                    : Html.Empty)}
            {(content.Kind == ReportKind.Event ? EventOf(stored) : Html.Empty)}
            <div class="buttons">
            <a class="button danger" href="{Link.To("report-delete", ("id", id))}">Delete the report</a></div>
            """))
        {
            Above = ("Reports", Sections.Reports),
        };
    }

    private static Html EventOf(StoredEvent? stored) => stored is null
        ? Html.Of($"""<h2>The event</h2><p class="note">It is not here, or not shown to members any more.</p>""")
        : Html.Of($"""
            <h2>The event as stored</h2>
            <div class="panel"><pre tabindex="0">{Format.Json(stored.Row.Json)}</pre></div>
            """);

    private static Html UserLink(string userId) =>
        Html.Of($"""<a href="{Link.To("user", ("id", userId))}">{userId}</a>""");
}

/// <summary>Deletes a report. What was reported stays.</summary>
internal sealed class ReportDeletion(ReportLists reports, AuditLog audit) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop) =>
        await ReportPages.FindAsync(reports, visit, stop) is not { } report
            ? null
            : new Confirmation(
                Sections.Reports,
                $"Delete report {report.Row.Id}?",
                Html.Of($"<p>What was reported stays as it is. The report cannot be restored.</p>"),
                "Delete the report",
                ReportPages.LinkTo(report.Row.Id));

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var id = visit.Query("id");
        var isDone = await ReportPages.FindAsync(reports, visit, stop) is { } report
            && await reports.DeleteAsync(report.Row.Id, audit.Of(visit.Actor, "report.delete", id), stop);
        return AdminActionResult.Of(
            Sections.Reports, isDone ? null : "There is no such report.", "The report is deleted.");
    }
}
