using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>Keys of users of another server, each by user id.</summary>
public sealed record RemoteKeys(JsonObject DeviceKeys, JsonObject MasterKeys, JsonObject SelfSigningKeys);

public sealed partial class FederationOperations
{
    /// <summary>`POST /user/keys/query`. v1.19 server-server-api#post_matrixfederationv1userkeysquery</summary>
    /// <param name="devices">Device ids by user; an empty list for all devices.</param>
    public async ValueTask<FederationResult<RemoteKeys>> QueryKeysAsync(
        string server, IReadOnlyDictionary<string, IReadOnlyList<string>> devices, CancellationToken stop)
    {
        var users = Members.Of(devices.Select(user => (user.Key, Members.Texts(user.Value))));
        var body = Members.Of(("device_keys", Json.Of(users)));
        var sent = await client.SendAsync(Page(Post(server, $"{V1}user/keys/query", body)), stop);
        return sent.Then<RemoteKeys>(static response =>
            response.Child("device_keys") is { } keys
                ? new RemoteKeys(
                    keys,
                    response.Child("master_keys") ?? JsonObject.Empty,
                    response.Child("self_signing_keys") ?? JsonObject.Empty)
                : Lacks("device_keys"));
    }
}
