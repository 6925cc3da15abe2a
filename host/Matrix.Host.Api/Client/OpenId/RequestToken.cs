using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.OpenId;

namespace Matrix.Host.Api.Client.OpenId;

/// <summary>Tokens for other services. v1.19 client-server-api#openid</summary>
internal sealed class RequestToken(OpenIdTokens tokens, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#post_matrixclientv3useruseridopenidrequest_token
        routes.Of(RouteOwner.Nobody).Post("user/{userId}/openid/request_token", static _ => true, Post, new RouteOptions
        {
            BodyMayBeMissing = true,
        });

    private ValueTask<Answer> Post(Call call, bool read, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId)
        {
            return ValueTask.FromResult(Answer.Forbidden("You can only request a token of your own."));
        }

        var made = (Token: tokens.Create(call.Caller), options.ServerName, tokens.Lifetime);
        return ValueTask.FromResult(Answer.Json(made, static (json, it) =>
        {
            json.WriteString("access_token", it.Token);
            json.WriteNumber("expires_in", (long)it.Lifetime.TotalSeconds);
            json.WriteString("matrix_server_name", it.ServerName);
            json.WriteString("token_type", "Bearer");
        }));
    }
}
