using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Token refresh. v1.19 client-server-api#refreshing-access-tokens</summary>
internal sealed class Refresh(Logins logins) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3refresh
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
        "refresh",
        static body => body.RequiredText("refresh_token"),
        PostAsync,
        new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login });

    private async ValueTask<Answer> PostAsync(Call call, string refreshToken, CancellationToken stop)
    {
        if (await logins.LockedAsync(refreshToken, stop) is { } locked)
        {
            return UserAnswers.Of(locked);
        }

        if (await logins.RefreshLegacyAsync(refreshToken, stop) is not { } fresh)
        {
            return Answer.Error(
                401,
                MatrixError.UnknownToken,
                "The refresh token is unknown.",
                static json => json.WriteBoolean("soft_logout", false));
        }

        return Answer.Json(fresh, static (json, tokens) =>
        {
            json.WriteString("access_token", tokens.AccessToken);
            json.WriteString("refresh_token", tokens.RefreshToken);
            json.WriteNumber("expires_in_ms", (long)tokens.ExpiresIn.TotalMilliseconds);
        });
    }
}
