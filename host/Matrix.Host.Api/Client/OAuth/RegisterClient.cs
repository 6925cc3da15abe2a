using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>Registers clients. v1.19 client-server-api#dynamic-client-registration-flow; RFC 7591.</summary>
internal sealed class RegisterClient(OAuthClients clients, OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        routes.Of(RouteOwner.Nobody).At(OAuthPaths.Root).Post(
            OAuthPaths.ClientsEndpoint,
            static body => body.Whole,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.OAuthClients });
    }

    private async ValueTask<Answer> PostAsync(Call call, JsonObject body, CancellationToken stop)
    {
        var registered = await clients.RegisterAsync(body, stop);
        return registered.Value is not { } client
            ? OAuthAnswers.Of(registered.Error!)
            : OAuthAnswers.NotKept(Answer.Json(
                client,
                static (json, client) =>
                {
                    json.WriteString("client_id", client.Id);
                    foreach (var (name, value) in client.Metadata.ToJson().Members)
                    {
                        json.WritePropertyName(name);
                        json.WriteRawValue(CanonicalJson.Bytes(value), skipInputValidation: true);
                    }
                },
                201));
    }
}
