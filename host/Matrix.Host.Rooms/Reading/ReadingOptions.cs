using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The limits of reading rooms.</summary>
public sealed record ReadingOptions
{
    [Setting(
        "limits.page_bytes",
        "Bytes of events after which a page ends, whatever its limit: its token goes on from there. The same of "
            + "a timeline in a sync, and of the messages to a device.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 64 << 20)]
    public int PageBytes { get; init; } = 1 << 20;

    [Setting(
        "limits.notification_batches",
        "Batches of events of all rooms that one page of the list of notifications looks through.",
        Least = 10, Most = 1_000_000)]
    public int MaxNotificationBatches { get; init; } = 5000;

    [Setting(
        "limits.related_events",
        "Related events of one event that are checked for their visibility to a user.",
        Least = 1, Most = 100_000)]
    public int MaxChildren { get; init; } = 1000;

    [Setting(
        "limits.scan_time",
        "The longest time that one request scans for events that pass its filter; its pagination token continues "
            + "from there.")]
    public TimeSpan LongestScan { get; init; } = TimeSpan.FromSeconds(2);

    [Setting(
        "limits.history_fetches",
        "Pages of older history that are fetched from other servers for one request of a client.",
        Most = 100)]
    public int MaxHistoryFetches { get; init; } = 3;

    [Setting(
        "limits.receipt_threads",
        "Threads of a room in which a user's receipts are kept; the most recently moved stay.",
        Least = 1, Most = 100_000)]
    public int MaxReceiptThreads { get; init; } = 200;

    [Setting(
        "limits.receipt_relations",
        "Relations between an event and the root of the thread that a receipt at this event names.",
        Least = 1, Most = 100)]
    public int MaxReceiptRelations { get; init; } = 5;

    [Setting(
        "limits.received_receipts",
        "Receipts in one transaction of another server; further ones are ignored.",
        Least = 1, Most = 1_000_000)]
    public int MaxReceivedReceipts { get; init; } = 5000;

    [Setting(
        "limits.early_receipts",
        "Receipts of other servers that came before their event and wait for it. Beyond this the server with the "
            + "most of them loses its oldest.",
        Least = 1, Most = 1_000_000)]
    public int MaxEarlyReceipts { get; init; } = 10_000;

    [Setting("limits.early_receipts_of_server", "The same, of one server.", Least = 1, Most = 1_000_000)]
    public int MaxEarlyReceiptsOfServer { get; init; } = 500;
}

/// <summary>
/// The time in which one request looks for events that pass its filter, after the first page had too few.
/// </summary>
public sealed class ScanBudget(TimeProvider time, TimeSpan longest)
{
    /// <summary>The events that are read at once: at most 8 MiB.</summary>
    public const int Page = 128;

    private long? _began;

    /// <summary>Whether another page may be read.</summary>
    public bool MayGoOn()
    {
        if (_began is { } began) return time.GetElapsedTime(began) < longest;
        _began = time.GetTimestamp();
        return true;
    }
}
