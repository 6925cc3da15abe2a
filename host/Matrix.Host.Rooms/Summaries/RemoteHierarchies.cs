using System.Collections.Concurrent;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>A room that another server knows, and its children.</summary>
public sealed record FoundHierarchy(HierarchyRoom Room, IReadOnlyDictionary<string, HierarchyRoom> Children);

/// <summary>Asks other servers about rooms of spaces, and keeps their responses for a while.</summary>
public sealed class RemoteHierarchies(
    FederationOperations api, UserRequests requests, RoomsOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Server, string RoomId), Kept> _kept = new();

    /// <summary>A room and its children; null if no server returned it, or the patience ended.</summary>
    /// <param name="who">The user, application service or address that causes the requests.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="via">Servers that may know it.</param>
    /// <param name="patience">Ends the requests.</param>
    public async ValueTask<FoundHierarchy?> FindAsync(
        string who, string roomId, IReadOnlyList<string> via, CancellationToken patience, CancellationToken stop)
    {
        var now = time.GetUtcNow();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience, stop);
        foreach (var server in via.Where(name => name != options.ServerName).Take(options.HierarchyServers))
        {
            // By server: what one says of another's room is not shown where the space names the other.
            if (_kept.TryGetValue((server, roomId), out var kept) && kept.Until > now)
            {
                if (kept.Found is not null) return kept.Found;
                continue;
            }

            try
            {
                var sent = await requests.SendAsync(
                    who,
                    server,
                    within => api.GetHierarchyAsync(server, roomId, suggestedOnly: false, within),
                    either.Token);
                var found = sent.IsOk ? Read(sent.Value) : null;
                if (TimeOf(sent, found) is { } lasting && options.CachedHierarchies > 0)
                {
                    if (_kept.Count >= options.CachedHierarchies) _kept.Clear();
                    _kept[(server, roomId)] = new Kept(found, now + lasting);
                }

                if (found is not null) return found;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // The rest of the tree is shown without what other servers know.
                return null;
            }
        }

        return null;
    }

    /// <summary>
    /// How long a response is used again; null for not at all. Whether a server lets its rooms be seen may change at
    /// any time: then the next request gets the room.
    /// </summary>
    private TimeSpan? TimeOf(FederationResult<RemoteHierarchy> sent, FoundHierarchy? found) =>
        found is not null ? options.HierarchyCacheTime
        : sent.Failure is { Kind: FederationFailureKind.Refused, Status: 403 or 404 } ? null
        : options.HierarchyFailureTime;

    private FoundHierarchy? Read(RemoteHierarchy sent)
    {
        if (Room(sent.Room) is not { } room) return null;
        var children = new Dictionary<string, HierarchyRoom>();
        foreach (var child in sent.Children.Take(options.MaxSpaceChildren).Select(Room).OfType<HierarchyRoom>())
        {
            children.TryAdd(child.Summary.RoomId, child);
        }

        return new FoundHierarchy(room, children);
    }

    private HierarchyRoom? Room(JsonObject json) => RoomSummary.Of(json) is { } summary
        ? new HierarchyRoom(summary, SpaceChild.Of(json, options.MaxSpaceChildren))
        : null;

    private sealed record Kept(FoundHierarchy? Found, DateTimeOffset Until);
}
