using System.Runtime.CompilerServices;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Notifying;

/// <summary>A receipt of a local user.</summary>
/// <param name="ThreadId">Null if it is unthreaded.</param>
/// <param name="Position">The `stream_ordering` of its event.</param>
internal sealed record SourceReceipt(string RoomId, string UserId, string? ThreadId, long Position);

/// <summary>What an event meant to a user, as Synapse evaluated it.</summary>
/// <param name="Position">The event's `stream_ordering`.</param>
/// <param name="Notifies">Whether it notified.</param>
/// <param name="Highlights">Whether it highlighted too.</param>
internal sealed record PushAction(
    string RoomId, long Position, string UserId, string ThreadId, bool Notifies, bool Highlights);

/// <summary>Synapse's count of a user's older notifications in a thread.</summary>
/// <param name="Through">The `stream_ordering` of the last event that was counted.</param>
/// <param name="Receipt">The `stream_ordering` of the receipt after which it counts; null in old rows.</param>
internal sealed record PushSummary(
    string RoomId, string UserId, string ThreadId, int Count, long Through, long? Receipt);

/// <summary>
/// What Synapse keeps of unread counts: evaluated actions of recent events and of all that highlight, sums of older
/// ones, and receipts.
/// </summary>
internal static class SourceCounts
{
    /// <summary>The main timeline, as rows of Synapse's name it.</summary>
    public const string Main = "main";

    /// <summary>
    /// The `stream_ordering` from which on all actions are there: an event without one notified nobody. Synapse counts
    /// actions before it deletes those of a day ago, the oldest first, and keeps those that highlight.
    /// </summary>
    public static async Task<long> CompleteFromAsync(SynapseSource source, long counted, CancellationToken stop)
    {
        var oldest = await source.NumberAsync(
            "SELECT MIN(stream_ordering) FROM event_push_actions WHERE highlight = 0", stop);
        return oldest > 0 ? Math.Min(oldest, counted + 1) : counted + 1;
    }

    /// <summary>The `stream_ordering` up to which Synapse has counted actions.</summary>
    public static Task<long> CountedThroughAsync(SynapseSource source, CancellationToken stop) =>
        source.NumberAsync("SELECT stream_ordering FROM event_push_summary_stream_ordering", stop);

    /// <summary>The rooms after one, in the order of all these rows.</summary>
    public static async IAsyncEnumerable<string> RoomsAsync(
        SynapseSource source, string after, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync(
            "SELECT room_id FROM rooms WHERE room_id > $1 ORDER BY room_id", stop, after))
        {
            yield return row.Text(0);
        }
    }

    /// <summary>Receipts of local users for events of the timeline.</summary>
    public static async IAsyncEnumerable<SourceReceipt> ReceiptsAsync(
        ImportContext context, string after, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT l.room_id, l.user_id, l.thread_id, e.stream_ordering
            FROM receipts_linearized l
            JOIN rooms r ON r.room_id = l.room_id
            JOIN events e ON e.event_id = l.event_id AND e.room_id = l.room_id
            WHERE l.room_id > $1 AND l.user_id LIKE $2 AND l.receipt_type IN ('m.read', 'm.read.private')
                AND NOT e.outlier
            ORDER BY l.room_id
            """,
            stop,
            after,
            $"%:{context.ServerName}"))
        {
            if (!context.IsLocal(row.Text(1))) continue;
            yield return new SourceReceipt(row.Text(0), row.Text(1), row.TextOrNull(2), row.Int64(3));
        }
    }

    /// <summary>Actions, the latest of a room first.</summary>
    public static async IAsyncEnumerable<PushAction> ActionsAsync(
        SynapseSource source, string after, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync(
            """
            SELECT a.room_id, a.stream_ordering, a.user_id, a.thread_id, a.notif, a.highlight
            FROM event_push_actions a JOIN rooms r ON r.room_id = a.room_id
            WHERE a.room_id > $1 AND a.stream_ordering > 0
            ORDER BY a.room_id, a.stream_ordering DESC
            """,
            stop,
            after))
        {
            yield return new PushAction(
                row.Text(0),
                row.Int64(1),
                row.Text(2),
                row.TextOrNull(3) ?? Main,
                row.Bool(4),
                row.Bool(4) && row.Bool(5));
        }
    }

    /// <summary>Sums that are not zero.</summary>
    public static async IAsyncEnumerable<PushSummary> SummariesAsync(
        SynapseSource source, string after, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync(
            """
            SELECT s.room_id, s.user_id, s.thread_id, s.notif_count, s.stream_ordering, s.last_receipt_stream_ordering
            FROM event_push_summary s JOIN rooms r ON r.room_id = s.room_id
            WHERE s.room_id > $1 AND s.notif_count <> 0
            ORDER BY s.room_id
            """,
            stop,
            after))
        {
            yield return new PushSummary(
                row.Text(0),
                row.Text(1),
                row.TextOrNull(2) ?? Main,
                row.Int32(3),
                row.Int64(4),
                row.Int64OrNull(5));
        }
    }

    /// <summary>
    /// The `stream_ordering` of the join since which each of these users has been in the room, without a break. Users
    /// whose joins are not found are left out.
    /// </summary>
    public static async Task<Dictionary<string, long>> JoinedAtAsync(
        SynapseSource source, string roomId, IEnumerable<string> users, CancellationToken stop)
    {
        var open = users.ToHashSet(StringComparer.Ordinal);
        var joined = new Dictionary<string, long>(StringComparer.Ordinal);
        if (open.Count == 0) return joined;
        await foreach (var row in source.RowsAsync(
            """
            SELECT m.user_id, m.membership, e.stream_ordering
            FROM room_memberships m JOIN events e ON e.event_id = m.event_id
            WHERE m.room_id = $1 AND NOT e.outlier AND e.rejection_reason IS NULL
            ORDER BY e.stream_ordering DESC
            """,
            stop,
            roomId))
        {
            var user = row.Text(0);
            if (!open.Contains(user)) continue;
            if (row.Text(1) == "join") joined[user] = row.Int64(2);
            else if (open.Remove(user) && open.Count == 0) break;
        }

        return joined;
    }
}
