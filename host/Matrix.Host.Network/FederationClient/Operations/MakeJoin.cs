namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /make_join/{roomId}/{userId}`: a template of the join.
    /// v1.19 server-server-api#get_matrixfederationv1make_joinroomiduserid
    /// </summary>
    /// <param name="versions">The room versions that this server supports.</param>
    public async ValueTask<FederationResult<EventTemplate>> MakeJoinAsync(
        string server, string roomId, string userId, IReadOnlyList<string> versions, CancellationToken stop)
    {
        var target = $"{V1}make_join/{Escaped(roomId)}/{Escaped(userId)}" + Query(Offered(versions));
        var sent = await client.SendAsync(Get(server, target), stop);
        return sent.Then(response => TemplateOf(response, roomId, userId, "join", versions));
    }
}
