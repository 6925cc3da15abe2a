using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The server's metadata. v1.19 client-server-api#authentication-api-discovery,
/// v1.19 client-server-api#server-metadata-discovery; RFC 8414; the older path is that of MSC2965.
/// </summary>
internal sealed class AuthMetadata(OAuthOptions options, OAuthPaths paths, RegistrationGate gate) : IEndpoints
{
    private static readonly Answer _off = Answer.Error(
        404, MatrixError.Unrecognized, "This server does not have the OAuth 2.0 API.");

    public void Map(ClientRoutes routes)
    {
        var anyone = new RouteOptions { Access = Access.Anyone };
        // v1.19 client-server-api#get_matrixclientv1auth_metadata
        routes.Of(RouteOwner.Nobody).V1.Get("auth_metadata", GetAsync, anyone);
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/org.matrix.msc2965/").Get(
            "auth_metadata", GetAsync, anyone);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (!options.IsOn) return _off;
        var ways = await gate.WaysAsync(stop);
        return Answer.Json((paths, ways.IsClosed), static (json, it) => Write(json, it.paths, it.IsClosed));
    }

    private static void Write(Utf8JsonWriter json, OAuthPaths paths, bool isClosed)
    {
        json.WriteString("issuer", paths.Issuer);
        json.WriteString("authorization_endpoint", paths.UrlOf(OAuthPaths.AuthorizePage));
        json.WriteString("token_endpoint", paths.UrlOf(OAuthPaths.TokenEndpoint));
        json.WriteString("revocation_endpoint", paths.UrlOf(OAuthPaths.RevocationEndpoint));
        json.WriteString("registration_endpoint", paths.UrlOf(OAuthPaths.ClientsEndpoint));
        json.WriteString("device_authorization_endpoint", paths.UrlOf(OAuthPaths.DeviceEndpoint));
        json.WriteString("account_management_uri", paths.UrlOf(OAuthPaths.AccountPage));
        List("account_management_actions_supported", AccountActions.Listed);
        List("response_types_supported", ["code"]);
        List("response_modes_supported", ["query", "fragment"]);
        List("grant_types_supported", ClientMetadata.Grants);
        List("code_challenge_methods_supported", ["S256"]);
        List("token_endpoint_auth_methods_supported", ["none"]);
        List("revocation_endpoint_auth_methods_supported", ["none"]);
        List("prompt_values_supported", isClosed ? [] : ["create"]);
        json.WriteBoolean("authorization_response_iss_parameter_supported", true);

        void List(string name, IEnumerable<string> values)
        {
            json.WriteStartArray(name);
            foreach (var value in values) json.WriteStringValue(value);
            json.WriteEndArray();
        }
    }
}
