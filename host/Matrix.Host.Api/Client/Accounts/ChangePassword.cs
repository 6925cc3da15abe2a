using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Registration;
using Matrix.Host.Api.Http;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>A new password. Client-Server API, "Password management".</summary>
internal sealed class ChangePassword(
    IStorage storage, PasswordLogin passwords, PasswordHasher hasher, UserInteractiveAuth interactive) : IEndpoints
{
    public void Map(ClientRoutes routes) => routes.Post(
        "account/password",
        static body => new Wish(body.Whole, body.RequiredFreeText("new_password"), body.Flag("logout_devices", otherwise: true)),
        PostAsync,
        new RouteOptions { Access = Access.Optional, Rate = RateClass.Login });

    private async ValueTask<Answer> PostAsync(Call call, Wish wish, CancellationToken stop)
    {
        if (passwords.Judge(wish.NewPassword) is { } weak) return RegistrationAnswers.WeakPassword(weak);

        // Without a token, the password itself says whose it is.
        var demand = new AuthDemand(AuthFlow.Password, call.CallerIfAny?.UserId);
        var auth = await interactive.DemandAsync(call, wish.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var userId = auth.Session!.UserId!;
        if (await hasher.HashAsync(wish.NewPassword, stop).ConfigureAwait(false) is not { } hash)
        {
            return Answer.LimitExceeded(TimeSpan.FromSeconds(2));
        }

        var batch = new WriteBatch(4).Require(auth.NewCondition()).Require(new PasswordChanged(userId, hash));
        if (wish.LogOutDevices) DeviceRemoval.AddAllTo(batch, userId, call.CallerIfAny?.DeviceId);
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? UserInteractiveAuth.AskAgain(auth, demand) : UserInteractiveAuth.Grant(auth, Answer.Empty);
    }

    private sealed record Wish(JsonObject Body, string NewPassword, bool LogOutDevices);
}
