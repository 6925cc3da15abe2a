using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.OutboundMessages;

/// <summary>
/// Messages to devices of other servers' users that their servers have not taken. Server-Server API, "Send-to-device
/// messaging".
/// </summary>
public interface IOutboundMessagesTable
{
    /// <summary>The servers that messages wait for, by name, a page at a time: those after this name.</summary>
    ValueTask<IReadOnlyList<string>> ServersAsync(string after, int limit, CancellationToken stop);

    /// <summary>
    /// The oldest messages for a server after a place, in order. Beyond <paramref name="maxBytes"/> no further message
    /// is returned; the first always is.
    /// </summary>
    ValueTask<IReadOnlyList<OutboundMessageRow>> NextAsync(
        string serverName, MessagePlace after, int limit, long maxBytes, CancellationToken stop);

    /// <summary>The bytes that wait for these servers; servers without any are left out.</summary>
    ValueTask<IReadOnlyList<OutboundBytesRow>> BytesAsync(
        IReadOnlyCollection<string> serverNames, CancellationToken stop);

    /// <summary>The bytes of one sender that wait for all servers, measured in the same way.</summary>
    ValueTask<long> BytesOfSenderAsync(string sender, CancellationToken stop);

    /// <summary>The servers that a sender's messages wait for, by name, so many at most.</summary>
    ValueTask<IReadOnlyList<string>> ServersOfSenderAsync(string sender, int limit, CancellationToken stop);

    /// <summary>
    /// The number of messages for a server that were stored before a time. Costs little if the oldest was not.
    /// </summary>
    ValueTask<long> CountStoredBeforeAsync(string serverName, long time, CancellationToken stop);
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

/// <summary>Bytes that wait for a server, each message with <see cref="MessageOwed.Overhead"/> more.</summary>
public readonly record struct OutboundBytesRow(string ServerName, long Bytes);

/// <summary>A message is owed to a server.</summary>
/// <param name="Sender">The user who sent it.</param>
/// <param name="Json">The EDU as it is sent.</param>
public sealed record MessageOwed(string ServerName, string Sender, ReadOnlyMemory<byte> Json) : Change
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
