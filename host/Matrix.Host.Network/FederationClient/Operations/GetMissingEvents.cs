using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A gap in a room's history.</summary>
/// <param name="Earliest">Events that this server has, where the walk ends.</param>
/// <param name="Latest">Events whose previous events are missing, where the walk begins.</param>
public sealed record HistoryGap(
    IReadOnlyList<string> Earliest, IReadOnlyList<string> Latest, int Limit, long MinDepth);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `POST /get_missing_events/{roomId}`: events between others.
    /// v1.19 server-server-api#post_matrixfederationv1get_missing_eventsroomid
    /// </summary>
    public async ValueTask<FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>>> GetMissingEventsAsync(
        string server, string roomId, HistoryGap gap, CancellationToken stop)
    {
        var body = Members.Of(
            ("earliest_events", Members.Texts(gap.Earliest)),
            ("latest_events", Members.Texts(gap.Latest)),
            ("limit", Json.Of(gap.Limit)),
            ("min_depth", Json.Of(gap.MinDepth)));
        var target = $"{V1}get_missing_events/{Escaped(roomId)}";
        var sent = await SlicesAsync(Page(Post(server, target, body)), stop);
        return sent.Then(static slices => EventsOf(slices, "events"));
    }
}
