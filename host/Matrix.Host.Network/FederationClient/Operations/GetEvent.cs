namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>`GET /event/{eventId}`: one event. v1.19 server-server-api#get_matrixfederationv1eventeventid</summary>
    public async ValueTask<FederationResult<ReadOnlyMemory<byte>>> GetEventAsync(
        string server, string eventId, CancellationToken stop)
    {
        var sent = await SlicesAsync(Get(server, $"{V1}event/{Escaped(eventId)}"), stop);
        return sent.Then<ReadOnlyMemory<byte>>(static slices =>
            slices.List("pdus") is [var pdu, ..] ? pdu : Lacks("pdus"));
    }
}
