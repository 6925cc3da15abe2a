namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>The ids of a room's state before an event.</summary>
public sealed record RoomStateIds(IReadOnlyList<string> State, IReadOnlyList<string> AuthChain);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /state_ids/{roomId}`: the ids of the state before an event.
    /// v1.19 server-server-api#get_matrixfederationv1state_idsroomid
    /// </summary>
    public async ValueTask<FederationResult<RoomStateIds>> GetStateIdsAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var target = $"{V1}state_ids/{Escaped(roomId)}" + Query(("event_id", eventId));
        var sent = await SlicesAsync(Large(Get(server, target)), stop);
        return sent.Then<RoomStateIds>(static slices =>
            slices.List("pdu_ids") is not { } state ? Lacks("pdu_ids")
            : slices.List("auth_chain_ids") is not { } chain ? Lacks("auth_chain_ids")
            : new RoomStateIds(TextsOf(state), TextsOf(chain)));
    }
}
