namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /event_auth/{roomId}/{eventId}`: the auth chain of an event.
    /// v1.19 server-server-api#get_matrixfederationv1event_authroomideventid
    /// </summary>
    public async ValueTask<FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>>> GetEventAuthAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var target = $"{V1}event_auth/{Escaped(roomId)}/{Escaped(eventId)}";
        var sent = await SlicesAsync(Large(Get(server, target)), stop);
        return sent.Then(static slices => EventsOf(slices, "auth_chain"));
    }
}
