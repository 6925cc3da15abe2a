using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /send_knock/{roomId}/{eventId}`: stripped state of the room.
    /// v1.19 server-server-api#put_matrixfederationv1send_knockroomideventid
    /// </summary>
    public async ValueTask<FederationResult<IReadOnlyList<JsonObject>>> SendKnockAsync(
        string server, string roomId, string eventId, JsonObject knock, CancellationToken stop)
    {
        var target = $"{V1}send_knock/{Escaped(roomId)}/{Escaped(eventId)}";
        var sent = await client.SendAsync(Put(server, target, knock), stop);
        return sent.Then(static response => FederationResult.Of(response.Children("knock_room_state")));
    }
}
