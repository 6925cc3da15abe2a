namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A room's state before an event.</summary>
public sealed record RoomState(
    IReadOnlyList<ReadOnlyMemory<byte>> State, IReadOnlyList<ReadOnlyMemory<byte>> AuthChain);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /state/{roomId}`: the state before an event. v1.19 server-server-api#get_matrixfederationv1stateroomid
    /// </summary>
    public async ValueTask<FederationResult<RoomState>> GetStateAsync(
        string server, string roomId, string eventId, CancellationToken stop)
    {
        var target = $"{V1}state/{Escaped(roomId)}" + Query(("event_id", eventId));
        var sent = await SlicesAsync(Large(Get(server, target)), stop);
        return sent.Then<RoomState>(static slices =>
            slices.List("pdus") is not { } state ? Lacks("pdus")
            : slices.List("auth_chain") is not { } chain ? Lacks("auth_chain")
            : new RoomState(state, chain));
    }
}
