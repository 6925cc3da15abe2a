namespace Matrix.Host.Rooms.Reading;

/// <summary>The bounds of reading rooms.</summary>
public sealed record ReadingOptions
{
    /// <summary>
    /// Events of one relation that are looked at for those that a reader may see, and senders of a thread that are told apart.
    /// </summary>
    public int MaxChildren { get; init; } = 1000;

    /// <summary>
    /// How long one answer looks for events that pass a filter, all its rooms together. The token that it gives goes on from where it stopped.
    /// </summary>
    public TimeSpan LongestScan { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Threads of a room in which a user's receipts of one type are kept: those that moved last.</summary>
    public int MaxReceiptThreads { get; init; } = 200;

    /// <summary>How many relations may lie between an event and the thread that a receipt puts it in.</summary>
    public int MaxReceiptRelations { get; init; } = 5;
}
