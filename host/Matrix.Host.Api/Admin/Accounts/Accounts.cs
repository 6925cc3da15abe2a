using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>Shows, creates and changes accounts: `v2/users/{userId}` of the administration API.</summary>
internal sealed class Accounts(
    UserAdministration users,
    AccountModeration moderation,
    Usernames usernames,
    AccountIdentifiers identifiers,
    AccountAnswer answer,
    AuditLog audit) : IEndpoints
{
    private sealed record PutBody(AccountWish Wish, bool? IsLocked, IReadOnlyList<ThirdPartyId>? Identifiers);

    public void Map(ClientRoutes routes)
    {
        routes.Of(RouteOwner.Nobody).Admin(2).Get("users/{userId}", FindAsync);
        routes.Of(RouteOwner.User).Admin(2).Put("users/{userId}", ReadBody, PutAsync);
        routes.Of(RouteOwner.Nobody).Admin(1).Get(
            "username_available", static query => query.RequiredText("username"), AvailableAsync);
    }

    private async ValueTask<Answer> FindAsync(Call call, CancellationToken stop) =>
        await answer.OfAsync(call["userId"], 200, stop);

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

        return await answer.OfAsync(userId, put.Value ? 201 : 200, stop);
    }

    private async ValueTask<Answer> AvailableAsync(Call call, string username, CancellationToken stop)
    {
        var (_, problem) = await usernames.FreeUserIdOfAsync(username, stop);
        return problem is { } why
            ? RegistrationAnswers.Of(why)
            : Answer.Json(static json => json.WriteBoolean("available", true));
    }
}
