using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /_matrix/key/v2/server`: a server's own keys, unchecked. v1.19 server-server-api#get_matrixkeyv2server
    /// </summary>
    public ValueTask<FederationResult<JsonObject>> GetServerKeysAsync(string server, CancellationToken stop) =>
        client.SendAsync(
            Get(server, "/_matrix/key/v2/server") with
            {
                IsSigned = false,
                MaxBytes = options.MaxKeyResponseBytes,
                Time = options.KeyFetchTime,
            },
            stop);
}
