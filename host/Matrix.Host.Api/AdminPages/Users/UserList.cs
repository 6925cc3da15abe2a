using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.UserListing;

namespace Matrix.Host.Api.AdminPages.Users;

/// <summary>The list of users.</summary>
internal sealed class UserList(AdminFrame frame, UserListTable userListTable) : IEndpoints
{
    private static readonly Column[] _columns =
    [
        new("User") { Order = "name" },
        new("Account"),
        new("Registered") { Order = "created", IsOptional = true },
        new("Last seen") { Order = "seen" },
    ];

    public void Map(ClientRoutes routes) => frame.Page(routes, Sections.Users, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Users, visit, "name", "q", "kind");
        var query = new UserQuery
        {
            UserId = list["q"]?.StartsWith('@') == true ? list["q"] : null,
            Name = list["q"]?.StartsWith('@') == true ? null : list["q"],
            IsAdmin = list["kind"] == "admins" ? true : null,
            IsGuest = list["kind"] switch { "guests" => true, "active" => false, _ => null },
            IsDeactivated = list["kind"] switch { "deactivated" => true, "active" => false, _ => null },
            Order = list.Order switch
            {
                "created" => UserOrder.CreatedAt,
                "seen" => UserOrder.LastSeenAt,
                _ => UserOrder.Name,
            },
            IsReversed = list.IsReversed,
        };
        var rows = await userListTable.ListAsync(query, list.From, ListState.PageSize, stop);
        list.Total = await userListTable.CountAsync(query, stop);
        return new AdminView(Sections.Users, "Users", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Name or user id")}
                {list.Choice(
                    "kind",
                    "Accounts",
                    ("", "all"), ("active", "active"), ("admins", "administrators"), ("guests", "guests"),
                    ("deactivated", "deactivated"))}
                """))}
            {DataTable.Of("Accounts of this server", _columns, [.. rows.Select(RowOf)], "No account matches.", list)}
            <div class="buttons"><a class="button" href="{NewUser.Page}">New account</a></div>
            """));
    }

    private static Html[] RowOf(ListedUser row) =>
    [
        Html.Of($"""
            <a href="{UserLinks.To(row.UserId)}">{row.UserId}</a><small>{Format.JsonText(row.DisplayName)}</small>
            """),
        Html.Of($"""
            {Format.BadgeIf(row.IsAdmin, "info", "administrator")}
            {Format.BadgeIf(row.IsGuest, "", "guest")}
            {Format.BadgeIf(row.IsDeactivated, "bad", row.IsErased ? "erased" : "deactivated")}
            """),
        Format.Time(row.CreatedAt),
        Format.Time(row.LastSeenAt),
    ];
}
