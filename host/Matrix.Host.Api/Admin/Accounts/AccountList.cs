using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.UserListing;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>Lists accounts: `v2/users` and `v3/users` of the administration API.</summary>
internal sealed class AccountList(UserListTable userListTable, AdminOptions options) : IEndpoints
{
    private sealed record Listing(UserQuery Query, AdminPage Page);

    public void Map(ClientRoutes routes)
    {
        routes.Of(RouteOwner.Nobody).Admin(2).Get("users", query => ReadList(query, isThird: false), ListAsync);
        routes.Of(RouteOwner.Nobody).Admin(3).Get("users", query => ReadList(query, isThird: true), ListAsync);
    }

    private Listing ReadList(QueryReader query, bool isThird)
    {
        var order = query.OneOf(
            "order_by", "name", "is_guest", "admin", "user_type", "deactivated", "shadow_banned", "displayname",
            "avatar_url", "creation_ts", "last_seen_ts", "locked");
        var deactivated = AdminCalls.ReadFlag(query, "deactivated");
        return new Listing(
            new UserQuery
            {
                Name = query.Text("name"),
                UserId = query.Text("name") is null ? query.Text("user_id") : null,
                IsGuest = query.Flag("guests", otherwise: true) ? null : false,
                IsAdmin = AdminCalls.ReadFlag(query, "admins"),
                // The third version lists only what the flag says; the second one adds it to the active users.
                IsDeactivated = isThird ? deactivated : deactivated == true ? null : false,
                Order = order switch
                {
                    "is_guest" => UserOrder.IsGuest,
                    "admin" => UserOrder.Admin,
                    "deactivated" => UserOrder.Deactivated,
                    "displayname" => UserOrder.DisplayName,
                    "avatar_url" => UserOrder.AvatarUrl,
                    "creation_ts" => UserOrder.CreatedAt,
                    "last_seen_ts" => UserOrder.LastSeenAt,
                    _ => UserOrder.Name,
                },
                IsReversed = AdminCalls.ReadDirection(query),
            },
            AdminCalls.ReadPage(query, options));
    }

    private async ValueTask<Answer> ListAsync(Call call, Listing asked, CancellationToken stop)
    {
        var (query, page) = asked;
        var rows = await userListTable.ListAsync(query, page.From, page.Limit, stop);
        var total = await userListTable.CountAsync(query, stop);
        return Answer.Json((rows, total, page), static (json, state) =>
        {
            json.WriteStartArray("users");
            foreach (var row in state.rows)
            {
                json.WriteStartObject();
                ListedUserFormat.Write(json, row);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.page.WriteNextText(json, state.rows.Count, state.total);
            json.WriteNumber("total", state.total);
        });
    }
}
