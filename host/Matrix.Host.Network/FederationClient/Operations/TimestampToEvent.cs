using System.Globalization;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>The event closest to a time.</summary>
public sealed record TimestampedEvent(string EventId, long OriginServerTs);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /timestamp_to_event/{roomId}`. v1.19 server-server-api#get_matrixfederationv1timestamp_to_eventroomid
    /// </summary>
    /// <param name="forwards">Whether the event is at or after the time, rather than at or before it.</param>
    public async ValueTask<FederationResult<TimestampedEvent>> TimestampToEventAsync(
        string server, string roomId, long timestamp, bool forwards, CancellationToken stop)
    {
        var target = $"{V1}timestamp_to_event/{Escaped(roomId)}"
            + Query(("ts", timestamp.ToString(CultureInfo.InvariantCulture)), ("dir", forwards ? "f" : "b"));
        var sent = await client.SendAsync(Get(server, target), stop);
        return sent.Then<TimestampedEvent>(static response =>
            response.Text("event_id") is not { } eventId ? Lacks("event_id")
            : response.Number("origin_server_ts") is not { } time ? Lacks("origin_server_ts")
            : new TimestampedEvent(eventId, time));
    }
}
