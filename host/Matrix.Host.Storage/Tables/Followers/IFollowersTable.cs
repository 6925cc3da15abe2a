using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Followers;

/// <summary>
/// Events that name an event in `prev_events` which was missing or not accepted when they were decided. The missing
/// ones are the room's gaps.
/// </summary>
public interface IFollowersTable
{
    /// <summary>The ids of a room's gaps, at most this many, in no order.</summary>
    ValueTask<IReadOnlyList<string>> GapsAsync(RoomNid room, int limit, CancellationToken stop);

    /// <summary>
    /// The events between two numbers, these included, that name a missing event, the earliest first.
    /// </summary>
    ValueTask<IReadOnlyList<EventNid>> OpenAsync(EventNid first, EventNid last, int limit, CancellationToken stop);

    /// <summary>The latest events before a number that name a missing event, the latest first.</summary>
    ValueTask<IReadOnlyList<EventNid>> OpenBeforeAsync(EventNid before, int limit, CancellationToken stop);

    /// <summary>The followers of these events.</summary>
    ValueTask<IReadOnlyList<FollowerRow>> OfAsync(
        RoomNid room, IReadOnlyCollection<string> previousIds, CancellationToken stop);
}

/// <summary>An event, and one that it names in `prev_events`.</summary>
public readonly record struct FollowerRow(string PreviousId, EventNid Follower);

/// <summary>An event was decided that names one in `prev_events` which is missing, or was not accepted.</summary>
/// <param name="IsGap">Whether the previous event is missing.</param>
public sealed record FollowerDecided(EventNid Follower, string PreviousId, bool IsGap) : Change;

/// <summary>A gap was closed: its event is here.</summary>
public sealed record GapClosed(RoomNid Room, string EventId) : Change;
