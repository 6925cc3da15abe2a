using Matrix.Core.Federation;
using Matrix.Host.Parts;

namespace Matrix.Host.Outbound;

/// <summary>The limits of what is sent to other servers.</summary>
public sealed record OutboundOptions
{
    /// <summary>The server's name.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "federation.outbound_servers",
        "Servers that are sent to at once; others wait for their turn.",
        Least = 4, Most = 10_000)]
    public int MaxSending { get; init; } = 192;

    [Setting(
        "federation.outbound_failing_servers",
        "Those of them that did not answer the last time, answered slowly, or have not been sent to before.",
        Least = 1, Most = 10_000)]
    public int MaxSendingLimited { get; init; } = 64;

    [Setting("federation.outbound_slow_after", "A server whose last response took this long is slow.")]
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(5);

    [Setting(
        "federation.outbound_outage_after",
        "How long a server must have failed before federation.outbound_outage_events holds for it.")]
    public TimeSpan OutageAfter { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "federation.outbound_first_pause",
        "The pause after a server did not answer. Each further failure doubles it.")]
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("federation.outbound_longest_pause", "The longest pause. A request of the server ends any pause.")]
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "federation.outbound_wake_pause",
        "The shortest time between two attempts that requests of a server cause.")]
    public TimeSpan WakePause { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.outbound_room_events",
        "Events of a room that wait for a server that answers. Beyond these only the newest is sent, and the "
            + "server fetches the others.",
        Least = 50)]
    public int MaxPending { get; init; } = 10_000;

    [Setting("federation.outbound_outage_events", "The same for a server that does not answer.", Least = 1)]
    public int MaxPendingInOutage { get; init; } = 50;

    [Setting(
        "federation.outbound_waiting_batches",
        "Changes in memory whose servers are not determined yet. Further ones are read from the database later.",
        Least = 16)]
    public int MaxWaitingBatches { get; init; } = 10_000;

    [Setting(
        "federation.outbound_record_interval",
        "How often the position is written. After a crash, events since then may be sent twice.")]
    public TimeSpan RecordInterval { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("federation.outbound_record_after", "Changes after which the position is written sooner.", Least = 1)]
    public int RecordAfter { get; init; } = 10_000;

    [Setting("federation.outbound_idle_servers", "Servers in memory to which nothing has to be sent.")]
    public int MaxIdleDestinations { get; init; } = 1000;

    [Setting(
        "federation.outbound_refused_kept",
        "Events that a server refused and that are kept on record; the oldest are dropped first.",
        Least = 1)]
    public int MaxRefusedKept { get; init; } = 100;

    [Setting(
        "federation.outbound_longest_read_pause",
        "The longest pause between two attempts to read changes from the database.")]
    public TimeSpan LongestReadPause { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "federation.outbound_message_bytes",
        "Messages to devices in one transaction; a larger message goes alone.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 16 << 20)]
    public int MaxMessageBytes { get; init; } = 1 << 20;

    [Setting(
        "federation.outbound_message_time",
        "How long messages to devices wait for a server that does not take them; then they are dropped.")]
    public TimeSpan MessageTime { get; init; } = TimeSpan.FromDays(30);

    [Setting(
        "federation.receipt_delay",
        "How long receipts are gathered before other servers get the newest of each user, room and thread.")]
    public TimeSpan ReceiptDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    [Setting("federation.gathered_receipts", "Receipts that are gathered; further ones are dropped.", Least = 1)]
    public int MaxWaitingReceipts { get; init; } = 10_000;

    [Setting(
        "federation.outbound_receipts",
        "Receipts that wait for a server that answers. Beyond these the oldest are dropped.",
        Least = 1, Most = 1_000_000)]
    public int MaxPendingReceipts { get; init; } = 1000;

    [Setting("federation.outbound_outage_receipts", "The same for a server that does not answer.", Most = 1_000_000)]
    public int MaxReceiptsInOutage { get; init; } = 50;

    [Setting(
        "federation.gathered_typing",
        "Typing notifications whose servers are not determined yet; further ones are dropped.",
        Least = 1)]
    public int MaxWaitingTyping { get; init; } = 10_000;

    [Setting(
        "federation.outbound_typing",
        "Typing notifications that wait for a server; further ones are dropped. A server that does not answer "
            + "gets none.",
        Least = 1, Most = 1_000_000)]
    public int MaxPendingTyping { get; init; } = 1000;

    [Setting("cache.room_servers", "The servers of rooms to which events are sent.", Least = 64 << 10, Most = 4L << 30)]
    public long RoomServersCacheBytes { get; init; } = 16L << 20;

    /// <summary>The pauses as the core takes them.</summary>
    internal BackoffPauses Pauses => new(
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds,
        (long)WakePause.TotalMilliseconds,
        (long)OutageAfter.TotalMilliseconds);
}
