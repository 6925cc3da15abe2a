using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ReceivedMessages;

/// <summary>
/// The ids of messages to devices that other servers sent last. v1.19 server-server-api#send-to-device-messaging
/// </summary>
public sealed class ReceivedMessagesTable(IReads reads)
{
    private static readonly Statement Count = Statement.Of(
        "SELECT COUNT(*) FROM received_messages WHERE origin = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO received_messages (origin, message_id, position, seq) VALUES ($1, $2, $3, $4)
        ON CONFLICT (origin, message_id) DO NOTHING
        """);

    private static readonly Statement Trim = Statement.Of("""
        DELETE FROM received_messages WHERE origin = $1 AND (position, seq) <= (
            SELECT position, seq FROM received_messages WHERE origin = $1 ORDER BY position DESC, seq DESC
            LIMIT 1 OFFSET $2)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<MessageReceived>(
            Put, static (a, op) => a.Text(op.Origin).Text(op.MessageId).Position().Sequence())
        .On<ReceivedMessagesTrimmed>(Trim, static (a, op) => a.Text(op.Origin).Int(op.Keep));

    /// <summary>The number of remembered ids of a server.</summary>
    public ValueTask<int> CountAsync(string origin, CancellationToken stop) =>
        reads.FirstAsync(Count, origin, static (a, origin) => a.Text(origin), static row => row.Int32(0), stop);
}

/// <summary>
/// A server's message came. Not applied if one with its id came before; as a precondition it keeps the batch from
/// delivering the message again.
/// </summary>
public sealed record MessageReceived(string Origin, string MessageId) : ConditionalChange;

/// <summary>Keeps only the latest ids of a server.</summary>
public sealed record ReceivedMessagesTrimmed(string Origin, int Keep) : Change;
