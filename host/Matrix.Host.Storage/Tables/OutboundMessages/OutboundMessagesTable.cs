using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.OutboundMessages;

/// <summary>
/// Messages to devices of other servers' users that their servers have not taken.
/// v1.19 server-server-api#send-to-device-messaging
/// </summary>
public sealed class OutboundMessagesTable(IReads reads)
{
    private static readonly string Overhead = MessageEnqueued.Overhead.ToString(CultureInfo.InvariantCulture);

    private static readonly Statement Servers = Statement.Of("""
        SELECT DISTINCT server_name FROM outbound_messages WHERE server_name > $1 ORDER BY server_name LIMIT $2
        """);

    private static readonly Statement Next = Statement.Of("""
        SELECT position, seq, json FROM (
            SELECT position, seq, size, json, SUM(size) OVER (ORDER BY position, seq) AS total FROM (
                SELECT position, seq, size, json FROM outbound_messages
                WHERE server_name = $1 AND (position, seq) > ($2, $3) ORDER BY position, seq LIMIT $4) AS oldest
        ) AS measured WHERE total <= $5 OR total = size ORDER BY position, seq
        """);

    private static readonly Statement Bytes = Statement.ByKeys($"""
        SELECT server_name, CAST(SUM(size + {Overhead}) AS BIGINT) FROM outbound_messages
        WHERE server_name = KEY GROUP BY server_name
        """);

    private static readonly Statement BytesOfSender = Statement.Of($"""
        SELECT CAST(COALESCE(SUM(size + {Overhead}), 0) AS BIGINT) FROM outbound_messages WHERE sender = $1
        """);

    private static readonly Statement ServersOfSender = Statement.Of("""
        SELECT DISTINCT server_name FROM outbound_messages WHERE sender = $1 ORDER BY server_name LIMIT $2
        """);

    // The oldest message is the first: the others are looked at only if that one was stored before the time.
    private static readonly Statement CountStoredBefore = Statement.Of("""
        SELECT CASE WHEN (SELECT stored_at FROM outbound_messages WHERE server_name = $1
                ORDER BY position, seq LIMIT 1) < $2
            THEN (SELECT COUNT(*) FROM outbound_messages WHERE server_name = $1 AND stored_at < $2) ELSE 0 END
        """);

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO outbound_messages (server_name, sender, size, json, stored_at, position, seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """);

    private static readonly Statement Delete = Statement.Of("""
        DELETE FROM outbound_messages
        WHERE server_name = $1 AND (position, seq) > ($2, $3) AND (position, seq) <= ($4, $5)
        """);

    private static readonly Statement Expire = Statement.Of(
        "DELETE FROM outbound_messages WHERE server_name = $1 AND stored_at < $2");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<MessageEnqueued>(Put, static (a, op) => a
            .Text(op.ServerName).Text(op.Sender).Int(op.Json.Length).Blob(op.Json).Int(op.StoredAt).Position()
            .Sequence())
        .On<MessagesTaken>(static (op, writes) =>
        {
            var after = default(MessagePlace);
            foreach (var kept in op.Except.Order())
            {
                DeleteBetween(writes, op.ServerName, after, kept with { Sequence = kept.Sequence - 1 });
                after = kept;
            }

            DeleteBetween(writes, op.ServerName, after, op.Through);
        })
        .On<MessagesExpired>(Expire, static (a, op) => a.Text(op.ServerName).Int(op.StoredBefore));

    /// <summary>The servers that messages wait for, by name, a page at a time: those after this name.</summary>
    public ValueTask<IReadOnlyList<string>> ServersAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Servers,
            (after, limit),
            static (a, q) => a.Text(q.after).Int(q.limit),
            static row => row.Text(0),
            stop);

    /// <summary>
    /// The oldest messages for a server after a place, in order. Beyond <paramref name="maxBytes"/> no further message
    /// is returned; the first always is.
    /// </summary>
    public ValueTask<IReadOnlyList<OutboundMessageRow>> NextAsync(
        string serverName, MessagePlace after, int limit, long maxBytes, CancellationToken stop) =>
        reads.ListAsync(
            Next,
            (serverName, after, limit, maxBytes),
            static (a, q) => a
                .Text(q.serverName).Int(q.after.Position).Int(q.after.Sequence).Int(q.limit).Int(q.maxBytes),
            static row => new OutboundMessageRow(new MessagePlace(row.Int64(0), row.Int64(1)), row.Blob(2)),
            stop);

    /// <summary>The bytes that wait for these servers; servers without any are left out.</summary>
    public ValueTask<IReadOnlyList<OutboundBytesRow>> BytesAsync(
        IReadOnlyCollection<string> serverNames, CancellationToken stop) =>
        reads.ByKeysAsync(
            Bytes,
            serverNames,
            By.Text,
            static row => new OutboundBytesRow(row.Text(0), row.Int64(1)),
            stop);

    /// <summary>The bytes of one sender that wait for all servers, measured in the same way.</summary>
    public ValueTask<long> BytesOfSenderAsync(string sender, CancellationToken stop) => reads.FirstAsync(
        BytesOfSender, sender, static (a, sender) => a.Text(sender), static row => row.Int64(0), stop);

    /// <summary>The servers that a sender's messages wait for, by name, so many at most.</summary>
    public ValueTask<IReadOnlyList<string>> ServersOfSenderAsync(
        string sender, int limit, CancellationToken stop) => reads.ListAsync(
        ServersOfSender,
        (sender, limit),
        static (a, q) => a.Text(q.sender).Int(q.limit),
        static row => row.Text(0),
        stop);

    /// <summary>
    /// The number of messages for a server that were stored before a time. Costs little if the oldest was not.
    /// </summary>
    public ValueTask<long> CountStoredBeforeAsync(string serverName, long time, CancellationToken stop) =>
        reads.FirstAsync(
            CountStoredBefore,
            (serverName, time),
            static (a, q) => a.Text(q.serverName).Int(q.time),
            static row => row.Int64(0),
            stop);

    private static void DeleteBetween(IWrites writes, string serverName, MessagePlace after, MessagePlace through) =>
        writes.Run(
            Delete,
            (serverName, after, through),
            static (a, q) => a
                .Text(q.serverName)
                .Int(q.after.Position).Int(q.after.Sequence).Int(q.through.Position).Int(q.through.Sequence));
}

/// <summary>The place of a message among those of its server.</summary>
/// <param name="Position">The position of the batch that stored it.</param>
/// <param name="Sequence">Orders the messages of a batch.</param>
public readonly record struct MessagePlace(long Position, long Sequence) : IComparable<MessagePlace>
{
    /// <inheritdoc/>
    public int CompareTo(MessagePlace other) =>
        (Position, Sequence).CompareTo((other.Position, other.Sequence));

    /// <summary>Whether one place comes before the other.</summary>
    public static bool operator <(MessagePlace left, MessagePlace right) => left.CompareTo(right) < 0;

    /// <summary>Whether one place comes after the other.</summary>
    public static bool operator >(MessagePlace left, MessagePlace right) => left.CompareTo(right) > 0;

    /// <summary>Whether one place is the other or comes before it.</summary>
    public static bool operator <=(MessagePlace left, MessagePlace right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one place is the other or comes after it.</summary>
    public static bool operator >=(MessagePlace left, MessagePlace right) => left.CompareTo(right) >= 0;
}

/// <summary>A message that waits for a server.</summary>
/// <param name="Json">The EDU as it is sent.</param>
public readonly record struct OutboundMessageRow(MessagePlace Place, ReadOnlyMemory<byte> Json);

/// <summary>Bytes that wait for a server, each message with <see cref="MessageEnqueued.Overhead"/> more.</summary>
public readonly record struct OutboundBytesRow(string ServerName, long Bytes);

/// <summary>A message is enqueued for a server.</summary>
/// <param name="Sender">The user who sent it.</param>
/// <param name="Json">The EDU as it is sent.</param>
/// <remarks>Other nodes do not get the message.</remarks>
public sealed record MessageEnqueued(string ServerName, string Sender, ReadOnlyMemory<byte> Json) : Change
{
    /// <summary>Bytes added to a message's own when what waits is measured.</summary>
    public const int Overhead = 512;

    /// <summary>The time at which it is stored, in milliseconds since the epoch.</summary>
    public long StoredAt { get; init; }

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A server took the messages up to a place. They are deleted.</summary>
public sealed record MessagesTaken(string ServerName, MessagePlace Through) : Change
{
    /// <summary>Messages that it has not taken, before that place.</summary>
    public IReadOnlyList<MessagePlace> Except { get; init; } = [];
}

/// <summary>Deletes the messages for a server that were stored before a time.</summary>
public sealed record MessagesExpired(string ServerName, long StoredBefore) : Change;
