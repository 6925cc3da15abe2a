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

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO outbound_messages (server_name, sender, size, json, position, seq) VALUES ($1, $2, $3, $4, $5, $6)
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM outbound_messages WHERE server_name = $1 AND (position, seq) <= ($2, $3)");

    public static void Register(WriteHandlers handlers) => handlers
        .On<MessageOwed>(Put, static (a, op) => a
            .Text(op.ServerName).Text(op.Sender).Int(op.Json.Length).Blob(op.Json).Position().Sequence())
        .On<MessagesTaken>(Delete, static (a, op) => a
            .Text(op.ServerName).Int(op.Through.Position).Int(op.Through.Sequence));

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
}
