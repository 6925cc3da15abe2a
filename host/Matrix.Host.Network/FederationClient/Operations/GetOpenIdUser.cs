namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationApi
{
    /// <summary>
    /// `GET /openid/userinfo`: the user id of an OpenID token. It must be a user of the requested server.
    /// </summary>
    public async ValueTask<FederationResult<string>> GetOpenIdUserAsync(
        string server, string accessToken, CancellationToken stop)
    {
        var target = $"{V1}openid/userinfo" + Query(("access_token", accessToken));
        var sent = await client.SendAsync(Get(server, target) with { IsSigned = false }, stop).ConfigureAwait(false);
        return sent.Then<string>(response =>
            response.Text("sub") is { } user && Core.Ident.Ident.isOn(server, user) ? user : Lacks("sub"));
    }
}
