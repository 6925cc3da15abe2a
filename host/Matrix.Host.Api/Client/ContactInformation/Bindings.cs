using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>
/// Binds identifiers at identity servers. v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
internal sealed class Bindings(IdentityBindings bindings) : IEndpoints
{
    private static readonly Answer _notProved = Answer.Error(
        403, MatrixError.ThreepidAuthFailed, "The identity server could not verify the credentials.");

    private sealed record Credentials(NamedIdentityServer Server, string SessionId, string ClientSecret);

    public void Map(ClientRoutes routes)
    {
        var options = new RouteOptions { Rate = RateClass.Login, OpenToSuspended = true };
        // v1.19 client-server-api#post_matrixclientv3account3pid
        routes.Of(RouteOwner.Nobody).Post(
            "account/3pid", static body => Read(body.RequiredInner("three_pid_creds")), PostAsync, options);
        // v1.19 client-server-api#post_matrixclientv3account3pidbind
        routes.Of(RouteOwner.Nobody).Post("account/3pid/bind", Read, BindAsync, options);
    }

    private static Credentials Read(BodyReader body) => new(
        new NamedIdentityServer(
            IdentityServerNames.Read(body.RequiredText("id_server"))!, body.RequiredText("id_access_token")),
        body.RequiredText("sid"),
        RequestTokens.ReadSecret(body));

    /// <summary>The older name, whose one error is that the session proves nothing.</summary>
    private async ValueTask<Answer> PostAsync(Call call, Credentials given, CancellationToken stop) =>
        await DoAsync(call, given, stop) switch
        {
            null => Answer.Empty,
            { IsUntrusted: false, Status: >= 400 and < 500 and not 429 } => _notProved,
            var failure => IdentityAnswers.Of(failure),
        };

    private async ValueTask<Answer> BindAsync(Call call, Credentials given, CancellationToken stop) =>
        await DoAsync(call, given, stop) is { } failure
            ? IdentityAnswers.Of(failure)
            : Answer.Empty;

    private ValueTask<IdentityFailure?> DoAsync(Call call, Credentials given, CancellationToken stop) =>
        bindings.BindAsync(call.Caller.UserId, given.Server, given.SessionId, given.ClientSecret, stop);
}
