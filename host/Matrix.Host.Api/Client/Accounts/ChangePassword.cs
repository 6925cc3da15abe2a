using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>Changes of passwords. v1.19 client-server-api#password-management</summary>
internal sealed class ChangePassword(
    PasswordLogin passwords, PasswordChanges changes, Validations validations, UserInteractiveAuth interactive)
    : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3accountpassword
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.InBody).Post(
        "account/password",
        static body =>
            new Wish(body.Whole, body.RequiredFreeText("new_password"), body.Flag("logout_devices", otherwise: true)),
        PostAsync,
        new RouteOptions { Access = Access.UsersOrNobody, Rate = RateClass.Login, OpenToSuspended = true });

    private async ValueTask<Answer> PostAsync(Call call, Wish wish, CancellationToken stop)
    {
        if (passwords.Judge(wish.NewPassword) is { } weak) return RegistrationAnswers.WeakPassword(weak);

        // Without a token, the password or a confirmed address proves the user.
        var demand = new AuthDemand(Flows, call.CallerIfAny?.UserId);
        var auth = await interactive.DemandAsync(call, wish.Body, demand, stop);
        if (auth.Refusal is { } refusal) return refusal;

        var userId = auth.Session!.UserId!;
        var failure = await changes.ChangeAsync(
            userId,
            wish.NewPassword,
            wish.LogOutDevices,
            call.CallerIfAny?.DeviceId,
            call.Attempt().Requester,
            auth.NewCondition(),
            stop);
        return failure?.Kind switch
        {
            null => UserInteractiveAuth.Grant(auth, Answer.Empty),
            UserFailureKind.Outdated => interactive.AskAgain(auth),
            _ => Answer.LimitExceeded(TimeSpan.FromSeconds(2)),
        };
    }

    private IReadOnlyList<AuthFlow> Flows =>
    [
        .. AuthFlow.Password,
        .. validations.Supports(Medium.Email) ? [new AuthFlow(AuthStage.Email)] : Array.Empty<AuthFlow>(),
        .. validations.Supports(Medium.Phone) ? [new AuthFlow(AuthStage.Phone)] : Array.Empty<AuthFlow>(),
    ];

    private sealed record Wish(JsonObject Body, string NewPassword, bool LogOutDevices);
}
