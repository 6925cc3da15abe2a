using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Voip;

namespace Matrix.Host.Api.Client.Voip;

/// <summary>Credentials of TURN servers. v1.19 client-server-api#voice-over-ip</summary>
internal sealed class TurnServer(TurnCredentials credentials) : IEndpoints
{
    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#get_matrixclientv3voipturnserver
        routes.Of(RouteOwner.Nobody).Get("voip/turnServer", Get, new RouteOptions { Access = Access.UsersAndGuests });

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(
        call.Caller.IsGuest && !credentials.ServesGuests
            ? Answer.Error(403, MatrixError.GuestAccessForbidden, "Guests get no TURN credentials.")
        : credentials.Of(call.Caller.UserId) is { } made
            ? Answer.Json(made, static (json, made) =>
            {
                json.WriteString("username", made.UserName);
                json.WriteString("password", made.Password);
                json.WriteStartArray("uris");
                foreach (var uri in made.Uris) json.WriteStringValue(uri);
                json.WriteEndArray();
                json.WriteNumber("ttl", made.Lifetime);
            })
        : Answer.NotFound("This server has no TURN server."));
}
