using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.UserListing;
using Matrix.Host.Users;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>Lists, creates and changes accounts: `v2/users` and `v3/users` of the administration API.</summary>
internal sealed class Accounts(
    UserAdministration users,
    AccountModeration moderation,
    Usernames usernames,
    IAccountPolicy policy,
    AccountIdentifiers identifiers,
    AuditLog audit,
    IAccountsTable accountsTable,
    IProfilesTable profilesTable,
    UserListTable userListTable,
    ISingleSignOnTable singleSignOnTable,
    SsoOptions providers,
    AdminOptions options) : IEndpoints
{
    private sealed record Listing(UserQuery Query, AdminPage Page);

    private sealed record PutBody(AccountWish Wish, bool? IsLocked, IReadOnlyList<ThirdPartyId>? Identifiers);

    public void Map(ClientRoutes routes)
    {
        routes.Admin(2).Get("users", query => ReadList(query, isThird: false), ListAsync);
        routes.Admin(3).Get("users", query => ReadList(query, isThird: true), ListAsync);
        routes.Admin(2).Get("users/{userId}", FindAsync);
        routes.Admin(2).Put("users/{userId}", ReadBody, PutAsync);
        routes.Admin(1).Get(
            "username_available", static query => query.RequiredText("username"), AvailableAsync);
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
                WriteRow(json, row);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            state.page.WriteNextText(json, state.rows.Count, state.total);
            json.WriteNumber("total", state.total);
        });
    }

    // This server has no types of users, and bans nobody without telling them.
    private static void WriteRow(Utf8JsonWriter json, ListedUser row)
    {
        json.WriteString("name", row.UserId);
        json.WriteNull("user_type");
        json.WriteBoolean("is_guest", row.IsGuest);
        json.WriteBoolean("admin", row.IsAdmin);
        json.WriteBoolean("deactivated", row.IsDeactivated);
        json.WriteBoolean("erased", row.IsErased);
        json.WriteBoolean("shadow_banned", false);
        AdminCalls.WriteStored(json, "displayname", row.DisplayName);
        AdminCalls.WriteStored(json, "avatar_url", row.AvatarUrl);
        json.WriteNumber("creation_ts", row.CreatedAt);
        AdminCalls.WriteNumberOrNull(json, "last_seen_ts", row.LastSeenAt);
    }

    private async ValueTask<Answer> FindAsync(Call call, CancellationToken stop) =>
        await DetailsAsync(call["userId"], 200, stop);

    private async ValueTask<Answer> DetailsAsync(string userId, int status, CancellationToken stop)
    {
        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        var profile = await profilesTable.FindAsync(userId, stop);
        var devices = await accountsTable.DevicesAsync(userId, stop);
        var row = found.Value;
        var listed = new ListedUser(
            userId,
            row.Kind == UserKind.Guest,
            row.IsAdmin,
            row.DeactivatedAt is not null,
            row.Erased,
            row.CreatedAt,
            Field("displayname"),
            Field("avatar_url"),
            devices.Max(static device => device.LastSeenAt));
        var isLocked = row.IsLocked || await policy.RefusalAsync(userId, stop) is not null;
        var threepids = await identifiers.OfAsync(userId, stop);
        var identities = await singleSignOnTable.IdentitiesAsync(userId, stop);
        return Answer.Json(
            (listed, isLocked, row.IsSuspended, threepids, identities, providers),
            static (json, it) =>
            {
                // Tools expect a number here, also for a user whom nobody saw.
                WriteRow(json, it.listed with { LastSeenAt = it.listed.LastSeenAt ?? 0 });
                json.WriteBoolean("locked", it.isLocked);
                json.WriteBoolean("suspended", it.IsSuspended);
                ThirdPartyIdJson.Write(json, it.threepids);
                WriteIdentities(json, it.identities, it.providers);
            },
            status);

        // Without the cast, null would become empty memory.
        ReadOnlyMemory<byte>? Field(string name) =>
            profile.TryGetValue(name, out var value) ? (ReadOnlyMemory<byte>?)value : null;
    }

    /// <summary>An issuer that the configuration does not have any more stands for itself.</summary>
    private static void WriteIdentities(
        Utf8JsonWriter json, IReadOnlyList<SsoIdentityRow> identities, SsoOptions providers)
    {
        json.WriteStartArray("external_ids");
        foreach (var identity in identities)
        {
            var provider = providers.Providers.FirstOrDefault(each => each.Issuer == identity.Issuer);
            json.WriteStartObject();
            json.WriteString("auth_provider", provider?.Id ?? identity.Issuer);
            json.WriteString("external_id", identity.Subject);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static PutBody ReadBody(BodyReader body) =>
        new(ReadWish(body), body.OptionalFlag("locked"), ReadIdentifiers(body));

    /// <summary>The whole list of an account's identifiers; null if it stays as it is.</summary>
    private static IReadOnlyList<ThirdPartyId>? ReadIdentifiers(BodyReader body)
    {
        if (body.HasNull("threepids") || body.InnerItems("threepids") is not { } items) return null;
        var read = new List<ThirdPartyId>(items.Length);
        foreach (var item in items)
        {
            var (medium, address) = (item.RequiredText("medium"), item.RequiredText("address"));
            if (ThirdPartyId.Read(medium, address) is { } id) read.Add(id);
            else body.Refuse(MatrixError.InvalidParam, $"`{item.PathOf("address")}` is not valid.");
        }

        return [.. read.Distinct()];
    }

    private static AccountWish ReadWish(BodyReader body)
    {
        Refuse(body, "external_ids", "external identities");
        if (body.TextOrNull("user_type") is not null)
        {
            body.Refuse(MatrixError.InvalidParam, "Accounts of this server have no types.");
        }

        var password = body.HasNull("password") ? null : body.FreeText("password");
        if (password is not null && PasswordLogin.JudgeOfAdministrator(password) is { } unfit)
        {
            body.Refuse(MatrixError.WeakPassword, unfit);
        }

        return new AccountWish
        {
            Password = password,
            LogsOut = body.Flag("logout_devices", otherwise: true),
            DisplayName = body.HasNull("displayname") ? "" : body.FreeText("displayname"),
            AvatarUrl = body.HasNull("avatar_url") ? "" : body.Text("avatar_url"),
            IsAdmin = body.OptionalFlag("admin"),
            IsDeactivated = body.OptionalFlag("deactivated"),
        };
    }

    /// <summary>Refuses a list that this endpoint does not set. Tools send empty ones.</summary>
    private static void Refuse(BodyReader body, string name, string what)
    {
        if (body.ItemsOrNull(name).Length > 0)
        {
            body.Refuse(MatrixError.InvalidParam, $"This endpoint does not set {what} (`{name}`).");
        }
    }

    private async ValueTask<Answer> PutAsync(Call call, PutBody body, CancellationToken stop)
    {
        var userId = call["userId"];
        var put = await users.PutAsync(call.Actor(), userId, body.Wish, stop);
        if (!put.IsOk) return UserAnswers.Of(put.Failure);

        // Tools send the value that they read, also to an administrator's own account.
        var user = await users.FindAsync(userId, stop);
        if (user.IsOk
            && body.IsLocked is { } isLocked
            && isLocked != user.Value.IsLocked
            && await moderation.LockAsync(call.Actor(), userId, isLocked, stop) is { } refused)
        {
            return UserAnswers.Of(refused);
        }

        if (user.IsOk
            && body.Identifiers is { } wanted
            && user.Value.DeactivatedAt is null
            && await identifiers.SetAsync(
                userId, wanted, audit.Of(call.Actor(), "user.threepids", userId), stop)
                is { } failure)
        {
            return UserAnswers.Of(failure);
        }

        return await DetailsAsync(userId, put.Value ? 201 : 200, stop);
    }

    private async ValueTask<Answer> AvailableAsync(Call call, string username, CancellationToken stop)
    {
        var (_, problem) = await usernames.FreeUserIdOfAsync(username, stop);
        return problem is { } why
            ? RegistrationAnswers.Of(why)
            : Answer.Json(static json => json.WriteBoolean("available", true));
    }
}
