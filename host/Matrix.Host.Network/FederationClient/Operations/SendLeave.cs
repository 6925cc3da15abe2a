using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /send_leave/{roomId}/{eventId}`. A server without version 2 is sent version 1. The value is always true.
    /// v1.19 server-server-api#put_matrixfederationv2send_leaveroomideventid
    /// </summary>
    public async ValueTask<FederationResult<bool>> SendLeaveAsync(
        string server, string roomId, string eventId, JsonObject leave, CancellationToken stop)
    {
        var path = $"send_leave/{Escaped(roomId)}/{Escaped(eventId)}";
        var sent = await client.SendForBytesAsync(Put(server, V2 + path, leave), stop);
        if (options.LegacyFederation && sent.Failure is { IsUnrecognized: true })
        {
            sent = await client.SendForBytesAsync(Put(server, V1 + path, leave), stop);
        }

        return sent.Then<bool>(static _ => true);
    }
}
