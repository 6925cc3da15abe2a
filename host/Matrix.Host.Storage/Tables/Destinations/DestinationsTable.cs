using System.Buffers.Binary;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Destinations;

/// <summary>
/// Other servers that events are sent to. A server that answers has no rows: the position of the consumer of outbound
/// events says what it has got.
/// </summary>
public sealed class DestinationsTable(IReads reads)
{
    private static readonly Statement List = Statement.Of("""
        SELECT server_name, failures, retry_at, last_success, last_failure FROM destinations WHERE server_name > $1
        ORDER BY server_name LIMIT $2
        """);

    private static readonly Statement Pending = Statement.Of("""
        SELECT server_name, room_nid, ordinals, is_open FROM outbound_owed WHERE (server_name, room_nid) > ($1, $2)
        ORDER BY server_name, room_nid LIMIT $3
        """);

    private static readonly Statement Refused = Statement.Of("""
        SELECT event_nid, status, error_code, error, refused_at FROM outbound_refused WHERE server_name = $1
        ORDER BY refused_at DESC, event_nid DESC LIMIT $2
        """);

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO destinations (server_name, failures, retry_at, last_success, last_failure)
            VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (server_name) DO UPDATE SET failures = excluded.failures, retry_at = excluded.retry_at,
            last_success = excluded.last_success, last_failure = excluded.last_failure
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM destinations WHERE server_name = $1");

    private static readonly Statement PutPending = Statement.Of("""
        INSERT INTO outbound_owed (server_name, room_nid, ordinals, is_open) VALUES ($1, $2, $3, $4)
        ON CONFLICT (server_name, room_nid) DO UPDATE SET ordinals = excluded.ordinals, is_open = excluded.is_open
        """);

    private static readonly Statement DeletePending = Statement.Of(
        "DELETE FROM outbound_owed WHERE server_name = $1 AND room_nid = $2");

    private static readonly Statement PutRefused = Statement.Of("""
        INSERT INTO outbound_refused (server_name, event_nid, refused_at, status, error_code, error)
            VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (server_name, event_nid) DO UPDATE SET refused_at = excluded.refused_at, status = excluded.status,
            error_code = excluded.error_code, error = excluded.error
        """);

    private static readonly Statement TrimRefused = Statement.Of("""
        DELETE FROM outbound_refused WHERE server_name = $1 AND event_nid NOT IN (
            SELECT event_nid FROM outbound_refused WHERE server_name = $1
            ORDER BY refused_at DESC, event_nid DESC LIMIT $2)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<DestinationChanged>(static (op, writes) =>
        {
            if (op.Failures == 0)
            {
                writes.Run(Delete, op, static (a, op) => a.Text(op.ServerName));
                return;
            }

            writes.Run(Put, op, static (a, op) => a
                .Text(op.ServerName).Int(op.Failures).Int(op.RetryAt).Int(op.LastSuccess).Text(op.LastFailure));
        })
        .On<PendingEventsRecorded>(static (op, writes) =>
        {
            if (op.Ordinals.Count == 0)
            {
                writes.Run(DeletePending, op, static (a, op) => a.Text(op.ServerName).Room(op.Room));
                return;
            }

            writes.Run(PutPending, op, static (a, op) => a
                .Text(op.ServerName).Room(op.Room).Blob(Encode(op.Ordinals)).Bool(op.IsOpen));
        })
        .On<EventRefusedByServer>(static (op, writes) =>
        {
            writes.Run(PutRefused, op, static (a, op) => a
                .Text(op.ServerName).Nid(op.Event).Now().Int(op.Status).Text(op.ErrorCode).Text(op.Error));
            writes.Run(TrimRefused, op, static (a, op) => a.Text(op.ServerName).Int(op.Keep));
        });

    /// <summary>The servers that did not answer, by name, a page at a time: those after this name.</summary>
    public ValueTask<IReadOnlyList<DestinationRow>> ListAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            List,
            (after, limit),
            static (a, q) => a.Text(q.after).Int(q.limit),
            static row => new DestinationRow(
                row.Text(0), row.Int32(1), row.Int64(2), row.Int64(3), row.Text(4)),
            stop);

    /// <summary>The events pending for servers, by server and room, a page at a time.</summary>
    public ValueTask<IReadOnlyList<PendingEventsRow>> PendingAsync(
        string afterServer, RoomNid afterRoom, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Pending,
            (afterServer, afterRoom, limit),
            static (a, q) => a.Text(q.afterServer).Room(q.afterRoom).Int(q.limit),
            static row => new PendingEventsRow(row.Text(0), row.Room(1), Decode(row.Blob(2)), row.Bool(3)),
            stop);

    /// <summary>The events that a server refused, the latest first.</summary>
    public ValueTask<IReadOnlyList<RefusedEventRow>> RefusedAsync(
        string serverName, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Refused,
            (serverName, limit),
            static (a, q) => a.Text(q.serverName).Int(q.limit),
            static row => new RefusedEventRow(row.Nid(0), row.Int32(1), row.Text(2), row.Text(3), row.Int64(4)),
            stop);

    private static byte[] Encode(IReadOnlyList<uint> ordinals)
    {
        var bytes = new byte[sizeof(uint) * ordinals.Count];
        for (var i = 0; i < ordinals.Count; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(sizeof(uint) * i), ordinals[i]);
        }

        return bytes;
    }

    private static uint[] Decode(byte[] bytes)
    {
        var ordinals = new uint[bytes.Length / sizeof(uint)];
        for (var i = 0; i < ordinals.Length; i++)
        {
            ordinals[i] = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(sizeof(uint) * i));
        }

        return ordinals;
    }
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
public sealed record PendingEventsRow(string ServerName, RoomNid Room, IReadOnlyList<uint> Ordinals, bool IsOpen);

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
public sealed record PendingEventsRecorded(
    string ServerName, RoomNid Room, IReadOnlyList<uint> Ordinals, bool IsOpen) : Change
{
    internal override int Weight => 100 + (sizeof(uint) * Ordinals.Count);
}

/// <summary>A server refused an event. A server keeps its latest <paramref name="Keep"/> ones.</summary>
public sealed record EventRefusedByServer(
    string ServerName, EventNid Event, int Status, string ErrorCode, string Error, int Keep) : Change;
