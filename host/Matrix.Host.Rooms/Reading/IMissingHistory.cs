using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The outcome of a fetch of history.</summary>
public enum HistoryFetch
{
    /// <summary>There may be more events now.</summary>
    Fetched,

    /// <summary>No server has them now.</summary>
    NowhereNow,

    /// <summary>The fetch goes on, and its events may come later.</summary>
    NotYet,
}

/// <summary>
/// Fetches parts of a room's timeline that this server lacks.
/// v1.19 server-server-api#backfilling-and-retrieving-missing-events
/// </summary>
public interface IMissingHistory
{
    /// <summary>
    /// Fetches a page of the events before others, and waits until they are durable, for a bounded time.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="followers">Events that name missing ones in `prev_events`, the earliest first.</param>
    /// <param name="below">The event below which the fetched ones are numbered.</param>
    /// <param name="stop">Ends the waiting, not the fetch.</param>
    ValueTask<HistoryFetch> FetchAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, CancellationToken stop);
}
