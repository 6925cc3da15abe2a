namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of events that are sent to other servers.</summary>
    private static ConfigKey[] OutboundKeys() =>
    [
        Key(
            "federation.outbound_servers", ConfigTypes.Whole(4, 10_000), c => c.Outbound.MaxSending,
            "Servers that are sent to at once; others wait for their turn."),
        Key(
            "federation.outbound_failing_servers", ConfigTypes.Whole(1, 10_000), c => c.Outbound.MaxSendingLimited,
            "Those of them that did not answer the last time, answered slowly, or have not been sent to before."),
        Key(
            "federation.outbound_slow_after", ConfigTypes.Duration, c => c.Outbound.SlowAfter,
            "A server whose last response took this long is slow."),
        Key(
            "federation.outbound_outage_after", ConfigTypes.Duration, c => c.Outbound.OutageAfter,
            "How long a server must have failed before federation.outbound_outage_events holds for it."),
        Key(
            "federation.outbound_first_pause", ConfigTypes.Duration, c => c.Outbound.FirstPause,
            "The pause after a server did not answer. Each further failure doubles it."),
        Key(
            "federation.outbound_longest_pause", ConfigTypes.Duration, c => c.Outbound.LongestPause,
            "The longest pause. A request of the server ends any pause."),
        Key(
            "federation.outbound_wake_pause", ConfigTypes.Duration, c => c.Outbound.WakePause,
            "The shortest time between two attempts that requests of a server cause."),
        Key(
            "federation.outbound_room_events", ConfigTypes.Whole(50), c => c.Outbound.MaxOwed,
            "Events of a room that wait for a server that answers. Beyond these only the newest is sent, and the "
                + "server fetches the others."),
        Key(
            "federation.outbound_outage_events", ConfigTypes.Whole(1), c => c.Outbound.MaxOwedInOutage,
            "The same for a server that does not answer."),
        Key(
            "federation.outbound_waiting_batches", ConfigTypes.Whole(16), c => c.Outbound.MaxWaitingBatches,
            "Changes in memory whose servers are not determined yet. Further ones are read from the database later."),
        Key(
            "federation.outbound_record_interval", ConfigTypes.Duration, c => c.Outbound.RecordInterval,
            "How often the position is written. After a crash, events since then may be sent twice."),
        Key(
            "federation.outbound_record_after", ConfigTypes.Whole(1), c => c.Outbound.RecordAfter,
            "Changes after which the position is written sooner."),
        Key(
            "federation.outbound_idle_servers", ConfigTypes.Whole(0), c => c.Outbound.MaxIdleDestinations,
            "Servers in memory to which nothing has to be sent."),
        Key(
            "federation.outbound_refused_kept", ConfigTypes.Whole(1), c => c.Outbound.MaxRefusedKept,
            "Events that a server refused and that are kept on record; the oldest are dropped first."),
        Key(
            "federation.outbound_longest_read_pause", ConfigTypes.Duration, c => c.Outbound.LongestReadPause,
            "The longest pause between two attempts to read changes from the database."),
        Key(
            "federation.outbound_message_bytes", ConfigTypes.FewBytes(64 << 10, 16 << 20),
            c => c.Outbound.MaxMessageBytes,
            "Messages to devices in one transaction; a larger message goes alone."),
        Key(
            "federation.outbound_message_time", ConfigTypes.Duration, c => c.Outbound.MessageTime,
            "How long messages to devices wait for a server that does not take them; then they are dropped."),
        Key(
            "federation.receipt_delay", ConfigTypes.Duration, c => c.Outbound.ReceiptDelay,
            "How long receipts are gathered before other servers get the newest of each user, room and thread."),
        Key(
            "federation.gathered_receipts", ConfigTypes.Whole(1), c => c.Outbound.MaxWaitingReceipts,
            "Receipts that are gathered; further ones are dropped."),
        Key(
            "federation.outbound_receipts", ConfigTypes.Whole(1, 1_000_000), c => c.Outbound.MaxReceiptsOwed,
            "Receipts that wait for a server that answers. Beyond these the oldest are dropped."),
        Key(
            "federation.outbound_outage_receipts", ConfigTypes.Whole(0, 1_000_000), c => c.Outbound.MaxReceiptsInOutage,
            "The same for a server that does not answer."),
        Key(
            "federation.gathered_typing", ConfigTypes.Whole(1), c => c.Outbound.MaxWaitingTyping,
            "Typing notifications whose servers are not determined yet; further ones are dropped."),
        Key(
            "federation.outbound_typing", ConfigTypes.Whole(1, 1_000_000), c => c.Outbound.MaxTypingOwed,
            "Typing notifications that wait for a server; further ones are dropped. A server that does not answer gets "
                + "none."),
    ];
}
