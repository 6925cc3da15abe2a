using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Destinations;

/// <summary>
/// Other servers that events are sent to. A server that answers has no rows: the position of the consumer of outbound
/// events says what it has got.
/// </summary>
public interface IDestinationsTable
{
    /// <summary>The servers that did not answer, by name, a page at a time: those after this name.</summary>
    ValueTask<IReadOnlyList<DestinationRow>> ListAsync(string after, int limit, CancellationToken stop);

    /// <summary>The events owed to servers, by server and room, a page at a time.</summary>
    ValueTask<IReadOnlyList<OwedRow>> OwedAsync(
        string afterServer, RoomNid afterRoom, int limit, CancellationToken stop);

    /// <summary>The events that a server refused, the latest first.</summary>
    ValueTask<IReadOnlyList<RefusedEventRow>> RefusedAsync(string serverName, int limit, CancellationToken stop);
}

/// <summary>A server that did not answer.</summary>
/// <param name="Failures">The failures since the last success.</param>
/// <param name="RetryAt">When to try again, in milliseconds since the epoch.</param>
/// <param name="LastSuccess">The last success, in milliseconds since the epoch; 0 if there was none.</param>
/// <param name="LastFailure">Why the last recorded attempt failed; "" if that is not known.</param>
public sealed record DestinationRow(
    string ServerName, int Failures, long RetryAt, long LastSuccess, string LastFailure);

/// <summary>The events of a room that a server has not got.</summary>
/// <param name="Ordinals">The events, in order.</param>
/// <param name="IsOpen">Whether the newest outbound event of the room is owed too.</param>
public sealed record OwedRow(string ServerName, RoomNid Room, IReadOnlyList<uint> Ordinals, bool IsOpen);

/// <summary>An event that a server refused.</summary>
/// <param name="Status">The HTTP status; 200 if it refused the event only, and took the transaction.</param>
/// <param name="RefusedAt">Milliseconds since the epoch.</param>
public sealed record RefusedEventRow(EventNid Event, int Status, string ErrorCode, string Error, long RefusedAt);

/// <summary>A server answers again, or has not answered for longer. With no failures its row is deleted.</summary>
public sealed record DestinationChanged(
    string ServerName, int Failures, long RetryAt, long LastSuccess, string LastFailure) : Change;

/// <summary>A server is owed events of a room: this replaces what it was owed of it before.</summary>
/// <param name="Ordinals">The events, in order; none if it is owed nothing.</param>
/// <param name="IsOpen">Whether the newest outbound event of the room is owed too.</param>
public sealed record EventsOwed(
    string ServerName, RoomNid Room, IReadOnlyList<uint> Ordinals, bool IsOpen) : Change
{
    internal override int Weight => 100 + (sizeof(uint) * Ordinals.Count);
}

/// <summary>A server refused an event. A server keeps its latest <paramref name="Keep"/> ones.</summary>
public sealed record EventRefusedByServer(
    string ServerName, EventNid Event, int Status, string ErrorCode, string Error, int Keep) : Change;
