using Matrix.Core.Federation;

namespace Matrix.Host.Outbound;

/// <summary>The limits of what is sent to other servers.</summary>
public sealed record OutboundOptions
{
    /// <summary>The server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>The most servers that are sent to at once.</summary>
    public int MaxSending { get; init; } = 192;

    /// <summary>The most of them that failed last, are slow, or have not answered yet.</summary>
    public int MaxSendingLimited { get; init; } = 64;

    /// <summary>A server whose last response took at least this long is slow.</summary>
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Failures are an outage if they have lasted this long, from the first one since the last success.
    /// </summary>
    public TimeSpan OutageAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most events of a room that are kept in order for a server that answers; beyond this only the newest is sent.
    /// </summary>
    public int MaxOwed { get; init; } = 10_000;

    /// <summary>The same for a server that does not answer.</summary>
    public int MaxOwedInOutage { get; init; } = 50;

    /// <summary>The pause after the first failure; each further one doubles it.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The shortest time between two attempts that the server's own requests cause.</summary>
    public TimeSpan WakePause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes of cached lists of the rooms' servers.</summary>
    public long RoomServersCacheBytes { get; init; } = 16L << 20;

    /// <summary>The most batches of changes that wait in memory; beyond this they are read from the database.</summary>
    public int MaxWaitingBatches { get; init; } = 10_000;

    /// <summary>How often the position and what is owed are written.</summary>
    public TimeSpan RecordInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After so many batches of changes they are written sooner.</summary>
    public int RecordAfter { get; init; } = 10_000;

    /// <summary>The most servers in memory that are owed nothing.</summary>
    public int MaxIdleDestinations { get; init; } = 1000;

    /// <summary>The most refused events that are recorded for a server.</summary>
    public int MaxRefusedKept { get; init; } = 100;

    /// <summary>The longest pause between two attempts to read changes from the database.</summary>
    public TimeSpan LongestReadPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most bytes of messages to devices in a transaction; the first message always goes.
    /// </summary>
    public int MaxMessageBytes { get; init; } = 1 << 20;

    /// <summary>
    /// How long messages to devices wait for a server that does not take them; then they are dropped.
    /// </summary>
    public TimeSpan MessageTime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long receipts are gathered before they are sent.</summary>
    public TimeSpan ReceiptDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The most receipts that are gathered; more are dropped.</summary>
    public int MaxWaitingReceipts { get; init; } = 10_000;

    /// <summary>The most receipts that wait for a server that answers; beyond this the oldest are dropped.</summary>
    public int MaxReceiptsOwed { get; init; } = 1000;

    /// <summary>The same for a server that does not answer.</summary>
    public int MaxReceiptsInOutage { get; init; } = 50;

    /// <summary>
    /// The most typing notifications whose servers are not determined yet; more are dropped.
    /// </summary>
    public int MaxWaitingTyping { get; init; } = 10_000;

    /// <summary>The most typing notifications that wait for a server; more are dropped.</summary>
    public int MaxTypingOwed { get; init; } = 1000;

    /// <summary>The pauses as the core takes them.</summary>
    internal BackoffPauses Pauses => new(
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds,
        (long)WakePause.TotalMilliseconds,
        (long)OutageAfter.TotalMilliseconds);
}
