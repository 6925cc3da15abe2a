using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Sessions;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>The end of an account. Client-Server API, "Account deactivation".</summary>
internal sealed class Deactivate(
    IStorage storage, UserInteractiveAuth interactive, IEnumerable<IAccountObserver> observers) : IEndpoints
{
    // There are no addresses or numbers to unbind, so all of them are unbound.
    private static readonly Answer _done = Answer.Bytes("""{"id_server_unbind_result":"success"}"""u8.ToArray());

    public void Map(ClientRoutes routes) => routes.Post(
        "account/deactivate",
        static body =>
        {
            _ = body.Text("id_server");
            return new Wish(body.Whole, body.Flag("erase"));
        },
        PostAsync,
        new RouteOptions { Access = Access.Optional, Rate = RateClass.Login });

    private async ValueTask<Answer> PostAsync(Call call, Wish wish, CancellationToken stop)
    {
        var demand = new AuthDemand(AuthFlow.Password, call.CallerIfAny?.UserId);
        var auth = await interactive.DemandAsync(call, wish.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var userId = auth.Session!.UserId!;
        var set = new WriteSet().Require(auth.NewCondition()).Require(new DeactivateUser(userId, wish.Erase));
        DeviceRemoval.AddAllTo(set, userId, except: null);
        if (wish.Erase)
        {
            set.Add(new DeleteAccountData(userId)).Add(new DeleteProfile(userId)).Add(new DeleteFilters(userId))
                .Add(new DeleteBackups(userId)).Add(new DeleteCrossSigningKeys(userId)).Add(new LogDeviceListChange(userId));
        }

        var receipt = await storage.Writer.WriteAsync(set, stop).ConfigureAwait(false);
        if (receipt.Refused)
        {
            // Whoever asked twice at once is told the same.
            return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { DeactivatedAt: null }
                ? UserInteractiveAuth.AskAgain(auth, demand)
                : _done;
        }

        foreach (var observer in observers) await observer.DeactivatedAsync(userId, CancellationToken.None).ConfigureAwait(false);
        return UserInteractiveAuth.Grant(auth, _done);
    }

    private sealed record Wish(JsonObject Body, bool Erase);
}
