using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Servers;

/// <summary>
/// Fetches history around a time that other servers have and this one lacks.
/// v1.19 server-server-api#get_matrixfederationv1timestamp_to_eventroomid
/// </summary>
/// <remarks>
/// The event that another server names is not fetched alone: whether it belongs to the room's history is known once the
/// events between it and those that are here are known, too.
/// </remarks>
public sealed class MissingTimes(
    FederationOperations api,
    UserRequests requests,
    EventTimes times,
    IMissingHistory history,
    EventStore events,
    IMembershipsTable membershipsTable,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>
    /// Asks other servers for a closer event if some are missing at the place, and fetches history up to it, for a
    /// bounded time. Whether any was fetched.
    /// </summary>
    /// <param name="who">The user or application service that causes the requests.</param>
    /// <param name="readable">The part of the room that the user may read.</param>
    /// <param name="here">The closest event here; null if there is none.</param>
    /// <param name="timestamp">The time.</param>
    /// <param name="forwards">Whether the event is at or after the time, rather than at or before it.</param>
    public async ValueTask<bool> FetchAsync(
        string who, Readable readable, StoredEvent? here, long timestamp, bool forwards, CancellationToken stop)
    {
        if (await times.GapAsync(readable.Room, readable.Through, timestamp, stop) is not { } gap)
        {
            return false;
        }

        var hasFetched = false;
        using var patience = new CancellationTokenSource(options.Receiving.TimeWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        try
        {
            var closer = await CloserAsync(who, readable.Room, here, timestamp, forwards, either.Token);
            for (var n = 0; closer is not null && n < options.Receiving.TimeFetches; n++)
            {
                var fetched = gap.IsFilled
                    ? HistoryFetch.Fetched
                    : await history.FetchAsync(readable.Room, gap.Followers, gap.Place, either.Token);
                if (fetched != HistoryFetch.Fetched) break;
                hasFetched = true;
                if (await events.ByIdAsync(readable.Room, closer, stop) is { IsShown: true }
                    || await times.GapAsync(readable.Room, readable.Through, timestamp, stop)
                        is not { } next)
                {
                    break;
                }

                gap = next;
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The time is over. What was fetched stays, and a later request goes on from there.
        }

        return hasFetched;
    }

    /// <summary>The id of an event of another server that is closer to the time; null if none has one.</summary>
    private async ValueTask<string?> CloserAsync(
        string who, RoomIdentity room, StoredEvent? here, long timestamp, bool forwards, CancellationToken stop)
    {
        var servers = await membershipsTable.RemoteServersAsync(room.Nid, options.Receiving.TimeServers, stop);
        foreach (var server in servers)
        {
            var sent = await requests.SendAsync(
                who,
                server,
                within => api.TimestampToEventAsync(server, room.RoomId, timestamp, forwards, within),
                stop);
            if (!sent.IsOk) continue;
            var there = sent.Value.OriginServerTs;
            var isCloser = forwards
                ? there >= timestamp && !(here?.OriginServerTs <= there)
                : there <= timestamp && !(here?.OriginServerTs >= there);
            if (isCloser) return sent.Value.EventId;
        }

        return null;
    }
}
