namespace Matrix.Host.Rooms.Reading;

/// <summary>The limits of reading rooms.</summary>
public sealed record ReadingOptions
{
    /// <summary>The bytes after which a page of events ends: its token continues from there.</summary>
    public int PageBytes { get; init; } = 1 << 20;

    /// <summary>
    /// The most children of one relation whose visibility is checked, and the most senders of a thread that are counted
    /// apart.
    /// </summary>
    public int MaxChildren { get; init; } = 1000;

    /// <summary>
    /// The longest time in which one request looks for events that pass its filter, in all rooms together. The token of
    /// its response continues from there.
    /// </summary>
    public TimeSpan LongestScan { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The most batches of events, of all rooms, that one page of the list of notifications looks through. Its token
    /// continues from there.
    /// </summary>
    public int MaxNotificationBatches { get; init; } = 5000;

    /// <summary>The most pages of older history that are fetched from other servers for one request.</summary>
    public int MaxHistoryFetches { get; init; } = 3;

    /// <summary>
    /// The most threads of a room in which a user has receipts of one type; those that moved last are kept.
    /// </summary>
    public int MaxReceiptThreads { get; init; } = 200;

    /// <summary>The longest chain of relations between an event and the thread of its receipt.</summary>
    public int MaxReceiptRelations { get; init; } = 5;

    /// <summary>The most receipts in a transaction of another server; more are ignored.</summary>
    public int MaxReceivedReceipts { get; init; } = 5000;

    /// <summary>
    /// The most receipts of all other servers that wait for their events; then the server with the most of them loses
    /// its oldest.
    /// </summary>
    public int MaxEarlyReceipts { get; init; } = 10_000;

    /// <summary>The same of one other server.</summary>
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
