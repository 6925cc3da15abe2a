namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /make_leave/{roomId}/{userId}`: a template of the leave.
    /// v1.19 server-server-api#get_matrixfederationv1make_leaveroomiduserid
    /// </summary>
    public async ValueTask<FederationResult<EventTemplate>> MakeLeaveAsync(
        string server, string roomId, string userId, CancellationToken stop)
    {
        var target = $"{V1}make_leave/{Escaped(roomId)}/{Escaped(userId)}";
        var sent = await client.SendAsync(Get(server, target), stop);
        return sent.Then(response => TemplateOf(response, roomId, userId, "leave", []));
    }
}
