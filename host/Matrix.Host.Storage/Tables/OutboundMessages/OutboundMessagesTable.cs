using System.Globalization;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.OutboundMessages;

internal sealed class OutboundMessagesTable(IReads reads) : IOutboundMessagesTable
{
    private static readonly string Overhead = MessageOwed.Overhead.ToString(CultureInfo.InvariantCulture);

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

    public static void Register(WriteHandlers handlers) => handlers
        .On<MessageOwed>(Put, static (a, op) => a
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

    public ValueTask<IReadOnlyList<string>> ServersAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Servers,
            (after, limit),
            static (a, q) => a.Text(q.after).Int(q.limit),
            static row => row.Text(0),
            stop);

    public ValueTask<IReadOnlyList<OutboundMessageRow>> NextAsync(
        string serverName, MessagePlace after, int limit, long maxBytes, CancellationToken stop) =>
        reads.ListAsync(
            Next,
            (serverName, after, limit, maxBytes),
            static (a, q) => a
                .Text(q.serverName).Int(q.after.Position).Int(q.after.Sequence).Int(q.limit).Int(q.maxBytes),
            static row => new OutboundMessageRow(new MessagePlace(row.Int64(0), row.Int64(1)), row.Blob(2)),
            stop);

    public ValueTask<IReadOnlyList<OutboundBytesRow>> BytesAsync(
        IReadOnlyCollection<string> serverNames, CancellationToken stop) =>
        reads.ByKeysAsync(
            Bytes,
            serverNames,
            By.Text,
            static row => new OutboundBytesRow(row.Text(0), row.Int64(1)),
            stop);

    public ValueTask<long> BytesOfSenderAsync(string sender, CancellationToken stop) => reads.FirstAsync(
        BytesOfSender, sender, static (a, sender) => a.Text(sender), static row => row.Int64(0), stop);

    public ValueTask<IReadOnlyList<string>> ServersOfSenderAsync(
        string sender, int limit, CancellationToken stop) => reads.ListAsync(
        ServersOfSender,
        (sender, limit),
        static (a, q) => a.Text(q.sender).Int(q.limit),
        static row => row.Text(0),
        stop);

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
