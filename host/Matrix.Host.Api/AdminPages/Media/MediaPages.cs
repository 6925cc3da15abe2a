using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Media.Operators;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.MediaLists;

namespace Matrix.Host.Api.AdminPages.Media;

/// <summary>What users uploaded: by user, and the media of one user.</summary>
internal sealed class MediaPages(AdminFrame frame, MediaAdministration media) : IEndpoints
{
    private static readonly Column[] _userColumns =
    [
        new("User") { Order = "user" },
        new("Files") { Order = "files", IsNumber = true },
        new("Size") { Order = "size", IsNumber = true },
    ];

    private static readonly Column[] _mediaColumns =
    [
        new("File") { Order = "name" },
        new("Size") { Order = "size", IsNumber = true },
        new("Uploaded") { Order = "created", IsOptional = true },
        new("Last read") { Order = "read", IsOptional = true },
        new("Actions"),
    ];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Sections.Media, UsersAsync);
        frame.Page(routes, MediaLinks.OfUserPage, OfUserAsync);
    }

    private async ValueTask<AdminView> UsersAsync(AdminVisit visit, CancellationToken stop)
    {
        // Without an order, those with the most come first.
        var list = new ListState(Sections.Media, visit, "", "q");
        var order = list.Order switch
        {
            "user" => StatisticsOrder.UserId,
            "files" => StatisticsOrder.Count,
            _ => StatisticsOrder.Bytes,
        };
        var isReversed = list.Order.Length == 0 || list.IsReversed;
        var query = new MediaStatistics(0, long.MaxValue, list["q"], order, isReversed);
        var (users, total) = await media.StatisticsAsync(query, list.From, ListState.PageSize, stop);
        list.Total = total;
        return new AdminView(Sections.Media, "Media", Html.Of($"""
            {list.FormOf(list.TextField("q", "Name or user id"))}
            {DataTable.Of(
                "What users uploaded", _userColumns, [.. users.Select(UserOf)], "Nobody uploaded anything.", list)}
            <h2>One file</h2>
            <form method="get" action="{MediaLinks.FilePage}" class="panel narrow">
            <label>URI <input name="uri" required placeholder="mxc://example.org/abc" autocapitalize="none"
            spellcheck="false"></label>
            <button>Look it up</button>
            </form>
            """));
    }

    private static Html[] UserOf(UserMediaRow row) =>
    [
        Html.Of($"""
            <a href="{MediaLinks.OfUser(row.UserId)}">{row.UserId}</a><small>{Format.JsonText(row.DisplayName)}</small>
            """),
        Html.Of($"{Format.Count(row.Count)}"),
        Html.Of($"{Format.Bytes(row.Bytes)}"),
    ];

    private async ValueTask<AdminView> OfUserAsync(AdminVisit visit, CancellationToken stop)
    {
        var userId = visit.Query("id");
        var list = new ListState(MediaLinks.OfUserPage, visit, "", "id");
        var order = list.Order switch
        {
            "name" => MediaOrder.FileName,
            "size" => MediaOrder.Size,
            "read" => MediaOrder.AccessedAt,
            _ => MediaOrder.CreatedAt,
        };
        var isReversed = list.Order.Length == 0 || list.IsReversed;
        var (rows, total) = await media.OfUserAsync(userId, order, isReversed, list.From, ListState.PageSize, stop);
        list.Total = total;
        return new AdminView(Sections.Media, $"Media of {userId}", Html.Of($"""
            <div class="buttons">
            <a class="button" href="{Link.To("user", ("id", userId))}">Account</a>
            <a class="button danger" href="{Link.To("user-media-quarantine", ("id", userId))}">Quarantine all</a>
            </div>
            <p class="note">Quarantine is of contents: no URI of a content in quarantine is served, here or to other
            servers, and no later upload of it.</p>
            {DataTable.Of("Uploads", _mediaColumns, [.. rows.Select(row => FileOf(visit, row))], "No uploads.", list)}
            """))
        {
            Above = ("Media", Sections.Media),
        };
    }

    private static Html[] FileOf(AdminVisit visit, MediaRow row)
    {
        var uri = MediaLinks.UriOf(row);
        return
        [
            Html.Of($"""
                <a href="{MediaLinks.File(uri)}">{row.FileName ?? row.MediaId}</a>
                {Format.BadgeIf(row.IsQuarantined, "warn", "quarantine")}
                <small>{row.ContentType}</small>
                """),
            Html.Of($"{Format.Bytes(row.Size)}"),
            Format.Time(row.CreatedAt),
            Format.Time(row.AccessedAt),
            MediaLinks.ActionsOf(visit, row, "quiet"),
        ];
    }
}
