using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>The end of an account. Client-Server API, "Account deactivation".</summary>
internal sealed class Deactivate(Deactivation deactivation, UserInteractiveAuth interactive) : IEndpoints
{
    // No account has addresses or phone numbers, so unbinding all of them succeeds.
    private static readonly Answer _done = Answer.Bytes("""{"id_server_unbind_result":"success"}"""u8.ToArray());

    public void Map(ClientRoutes routes) => routes.Post(
        "account/deactivate",
        static body =>
        {
            _ = body.Text("id_server");
            return new Wish(body.Whole, body.Flag("erase"));
        },
        PostAsync,
        new RouteOptions { Access = Access.UsersOrNobody, Rate = RateClass.Login, OpenToSuspended = true });

    private async ValueTask<Answer> PostAsync(Call call, Wish wish, CancellationToken stop)
    {
        var demand = new AuthDemand(AuthFlow.Password, call.CallerIfAny?.UserId);
        var auth = await interactive.DemandAsync(call, wish.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var userId = auth.Session!.UserId!;
        return await deactivation.EndAsync(userId, wish.Erase, auth.NewCondition(), stop).ConfigureAwait(false) switch
        {
            DeactivationResult.Refused => interactive.AskAgain(auth, demand),
            DeactivationResult.DoneBefore => _done,
            _ => UserInteractiveAuth.Grant(auth, _done),
        };
    }

    private sealed record Wish(JsonObject Body, bool Erase);
}
