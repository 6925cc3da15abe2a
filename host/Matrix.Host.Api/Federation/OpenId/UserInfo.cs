using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OpenId;

namespace Matrix.Host.Api.Federation.OpenId;

/// <summary>The user of a token that a service got from them. v1.19 server-server-api#openid</summary>
internal sealed class UserInfo(OpenIdTokens tokens) : IFederationEndpoints
{
    private static readonly Answer _missing =
        Answer.Error(401, MatrixError.MissingToken, "The parameter `access_token` is missing.");

    private static readonly Answer _unknown =
        Answer.Error(401, MatrixError.UnknownToken, "The access token is unknown, or has expired.");

    // Services that are no homeservers ask, too.
    // v1.19 server-server-api#get_matrixfederationv1openiduserinfo
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Nobody).Get(
        "openid/userinfo",
        static query => query.Text("access_token"),
        GetAsync,
        new RouteOptions { Access = Access.Anyone });

    private async ValueTask<Answer> GetAsync(Call call, string? token, CancellationToken stop) =>
        token is null ? _missing
        : await tokens.FindAsync(token, stop) is { } userId
            ? Answer.Json(userId, static (json, user) => json.WriteString("sub", user))
        : _unknown;
}
