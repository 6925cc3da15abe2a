using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// Ends the session of a token, whoever has found it. v1.19 client-server-api#token-revocation; RFC 7009.
/// </summary>
internal sealed class Revoke(OAuthSessions sessions, OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        routes.Of(RouteOwner.Nobody).At(OAuthPaths.Root).PostForm(
            OAuthPaths.RevocationEndpoint,
            static form => form,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.OAuthTokens });
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        if (form.Repeated is not null) return OAuthAnswers.Invalid("A parameter is repeated.");
        if (form.Text("token") is not { } token) return OAuthAnswers.Invalid("token is missing.");
        await sessions.RevokeAsync(token, stop);
        return OAuthAnswers.NotKept(Answer.Empty);
    }
}
