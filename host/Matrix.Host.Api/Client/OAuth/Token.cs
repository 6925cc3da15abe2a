using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>Exchanges codes and refresh tokens for tokens. v1.19 client-server-api#grant-types; RFC 6749.</summary>
internal sealed class Token(OAuthGrants grants, OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        routes.Of(RouteOwner.InBody).At(OAuthPaths.Root).PostForm(
            OAuthPaths.TokenEndpoint,
            static form => form,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.OAuthTokens });
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        if (form.Repeated is not null) return OAuthAnswers.Invalid("A parameter is repeated.");
        var client = form.Text("client_id");
        switch (form.Text("grant_type"))
        {
            case null:
                return Missing("grant_type");
            case ClientMetadata.CodeGrant:
                if (form.Text("code") is not { } code) return Missing("code");
                if (form.Text("redirect_uri") is not { } redirect) return Missing("redirect_uri");
                if (form.Text("code_verifier") is not { } verifier) return Missing("code_verifier");
                return OAuthAnswers.Of(await grants.ByCodeAsync(client, code, redirect, verifier, stop));
            case ClientMetadata.RefreshGrant:
                if (form.Text("refresh_token") is not { } token) return Missing("refresh_token");
                return OAuthAnswers.Of(await grants.ByRefreshTokenAsync(client, token, stop));
            case ClientMetadata.DeviceGrant:
                if (form.Text("device_code") is not { } device) return Missing("device_code");
                return OAuthAnswers.Of(await grants.ByDeviceCodeAsync(client, device, stop));
            default:
                return OAuthAnswers.Of(new OAuthError(OAuthError.UnsupportedGrantType, "The grant_type is unknown."));
        }
    }

    private static Answer Missing(string name) => OAuthAnswers.Invalid($"{name} is missing.");
}
