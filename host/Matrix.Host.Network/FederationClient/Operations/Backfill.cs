using System.Globalization;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /backfill/{roomId}`: events before others, these included.
    /// v1.19 server-server-api#get_matrixfederationv1backfillroomid
    /// </summary>
    public async ValueTask<FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>>> BackfillAsync(
        string server, string roomId, IReadOnlyList<string> before, int limit, CancellationToken stop)
    {
        var query = Query(
            [.. before.Select(id => ("v", (string?)id)), ("limit", limit.ToString(CultureInfo.InvariantCulture))]);
        var target = $"{V1}backfill/{Escaped(roomId)}{query}";
        var sent = await SlicesAsync(Page(Get(server, target)), stop);
        return sent.Then(static slices => EventsOf(slices, "pdus"));
    }
}
