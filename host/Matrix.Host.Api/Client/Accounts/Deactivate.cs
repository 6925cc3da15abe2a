using Matrix.Core.Json;
using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>The end of an account. v1.19 client-server-api#account-deactivation</summary>
internal sealed class Deactivate(Deactivation deactivation, UserInteractiveAuth interactive) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3accountdeactivate
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Caller).Post(
        "account/deactivate",
        static body =>
            new Wish(body.Whole, body.Flag("erase"), IdentityServerNames.Read(body.TextOrNull("id_server"))),
        PostAsync,
        new RouteOptions { Access = Access.UsersOrNobody, Rate = RateClass.Login, OpenToSuspended = true });

    private async ValueTask<Answer> PostAsync(Call call, Wish wish, CancellationToken stop)
    {
        var demand = new AuthDemand(AuthFlow.Password, call.CallerIfAny?.UserId);
        var auth = await interactive.DemandAsync(call, wish.Body, demand, stop);
        if (auth.Refusal is { } refusal) return refusal;

        var userId = auth.Session!.UserId!;
        var result = await deactivation.EndAsync(userId, wish.Erase, auth.NewCondition(), stop, wish.IdServer);
        return result switch
        {
            DeactivationResult.Refused => interactive.AskAgain(auth),
            DeactivationResult.DoneBefore => UnbindAnswers.Of(isUnbound: true),
            _ => UserInteractiveAuth.Grant(auth, UnbindAnswers.Of(result == DeactivationResult.Done)),
        };
    }

    private sealed record Wish(JsonObject Body, bool Erase, string? IdServer);
}
