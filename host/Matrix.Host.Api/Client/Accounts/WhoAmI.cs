using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Client.Accounts;

/// <summary>The owner of the access token. v1.19 client-server-api#current-account-information</summary>
internal sealed class WhoAmI : IEndpoints
{
    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#get_matrixclientv3accountwhoami
        routes.Of(RouteOwner.Nobody).Get("account/whoami", Get, new RouteOptions { Access = Access.UsersAndGuests });

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Json(call.Caller, static (json, caller) =>
        {
            json.WriteString("user_id", caller.UserId);
            if (caller.HasDevice) json.WriteString("device_id", caller.DeviceId);
            json.WriteBoolean("is_guest", caller.IsGuest);
        }));
}
