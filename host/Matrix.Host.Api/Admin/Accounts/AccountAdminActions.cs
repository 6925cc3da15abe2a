using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>What administrators do to one account: deactivation, password, rights, acting as the user.</summary>
internal sealed class AccountAdminActions(UserAdministration users, LoginAs logins) : IEndpoints
{
    private sealed record NewPassword(string Password, bool LogsOut);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.User).Post("deactivate/{userId}", static body => body.Flag("erase"), DeactivateAsync);
        admin.Of(RouteOwner.Nobody).Post("reset_password/{userId}", ReadPassword, ResetPasswordAsync);
        admin.Of(RouteOwner.Nobody).Get("users/{userId}/admin", GetAdminAsync);
        admin.Of(RouteOwner.Nobody).Put(
            "users/{userId}/admin", static body => body.RequiredFlag("admin"), PutAdminAsync);
        admin.Of(RouteOwner.Nobody).Post(
            "users/{userId}/login",
            static body => body.HasNull("valid_until_ms") ? null : body.Number("valid_until_ms"),
            LogInAsync);
    }

    private async ValueTask<Answer> DeactivateAsync(Call call, bool erase, CancellationToken stop)
    {
        var failure = await users.DeactivateAsync(call.Actor(), call["userId"], erase, stop);
        // This server binds nothing at identity servers that would have to be unbound.
        return failure is null
            ? Answer.Json(static json => json.WriteString("id_server_unbind_result", "success"))
            : UserAnswers.Of(failure);
    }

    private static NewPassword ReadPassword(BodyReader body)
    {
        var password = body.RequiredFreeText("new_password");
        if (body.Problem is null && PasswordLogin.JudgeOfAdministrator(password) is { } unfit)
        {
            body.Refuse(MatrixError.WeakPassword, unfit);
        }

        return new NewPassword(password, body.Flag("logout_devices", otherwise: true));
    }

    private async ValueTask<Answer> ResetPasswordAsync(Call call, NewPassword wish, CancellationToken stop) =>
        UserAnswers.Empty(await users.SetPasswordAsync(
            call.Actor(), call["userId"], wish.Password, wish.LogsOut, stop));

    private async ValueTask<Answer> GetAdminAsync(Call call, CancellationToken stop)
    {
        var found = await users.FindAsync(call["userId"], stop);
        return found.IsOk
            ? Answer.Json(found.Value.IsAdmin, static (json, isAdmin) => json.WriteBoolean("admin", isAdmin))
            : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutAdminAsync(Call call, bool isAdmin, CancellationToken stop) =>
        UserAnswers.Empty(await users.SetAdminAsync(call.Actor(), call["userId"], isAdmin, stop));

    private async ValueTask<Answer> LogInAsync(Call call, long? validUntil, CancellationToken stop)
    {
        var issued = await logins.IssueAsync(call.Actor(), call["userId"], validUntil, stop);
        return issued.IsOk
            ? Answer.Json(issued.Value, static (json, token) => json.WriteString("access_token", token))
            : UserAnswers.Of(issued.Failure);
    }
}
