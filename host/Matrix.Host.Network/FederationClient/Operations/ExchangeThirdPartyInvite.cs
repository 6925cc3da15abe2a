using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /exchange_third_party_invite/{roomId}`: the inviter's server makes an invite of a third-party invite.
    /// v1.19 server-server-api#put_matrixfederationv1exchange_third_party_inviteroomid
    /// </summary>
    /// <param name="invite">The membership event without the members that the other server adds.</param>
    public async ValueTask<FederationResult<bool>> ExchangeThirdPartyInviteAsync(
        string server, string roomId, JsonObject invite, CancellationToken stop)
    {
        var target = $"{V1}exchange_third_party_invite/{Escaped(roomId)}";
        var sent = await client.SendAsync(Put(server, target, invite), stop);
        return sent.Then(static _ => FederationResult.Of(true));
    }
}
