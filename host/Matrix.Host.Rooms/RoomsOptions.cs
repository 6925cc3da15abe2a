using Matrix.Core.Room.Incoming;

namespace Matrix.Host.Rooms;

/// <summary>Who this server is for its rooms, and every bound of this layer.</summary>
public sealed record RoomsOptions
{
    /// <summary>The server's name: the domain of its users.</summary>
    public required string ServerName { get; init; }

    /// <summary>The version of a room whose creator names none.</summary>
    public string DefaultRoomVersion { get; init; } = "12";

    /// <summary>Versions that are in no specification, of which this server makes rooms all the same.</summary>
    public IReadOnlyList<string> UnstableRoomVersions { get; init; } = [];

    /// <summary>Bytes of events kept in memory.</summary>
    public long EventCacheBytes { get; init; } = 48L * 1024 * 1024;

    /// <summary>Bytes of room states kept in memory, sharing not counted twice where it is known.</summary>
    public long StateCacheBytes { get; init; } = 96L * 1024 * 1024;

    /// <summary>Rooms whose lanes and snapshots are kept in memory while nothing happens in them.</summary>
    public int IdleRooms { get; init; } = 4096;

    /// <summary>How many sets of one room may wait for the disk while its lane goes on building.</summary>
    public int MaxSpeculation { get; init; } = 128;

    /// <summary>How many requests may wait for one room's lane; a further one is told to come again.</summary>
    public int MaxWaitingPerLane { get; init; } = 1000;

    /// <summary>Bytes of memory for the transaction ids of past requests.</summary>
    public long TransactionCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>How many requests that is: one that comes again after as many others is done again.</summary>
    public int RememberedTransactions => (int)Math.Min(TransactionCacheBytes / 64, 100_000_000);

    /// <summary>How many events a consumer of changes reads from storage at once; a batch that is longer is read whole.</summary>
    public int ChangesPerPage { get; init; } = 500;

    /// <summary>The longest pause between two attempts of a consumer of changes that fails.</summary>
    public TimeSpan LongestConsumerPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many prev events a new event has at most.</summary>
    public int MaxPrevEvents { get; init; } = 20;

    /// <summary>The bounds of a room's machine.</summary>
    internal IncomingLimits Machine => IncomingLimits.Default.WithPrevious(MaxPrevEvents);

    /// <summary>
    /// The longest pause between tries to take a deactivated user out of rooms that could not be left.
    /// </summary>
    public TimeSpan LongestDeparturePause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How many redactions of a room wait for events that are not here; the earliest are given up.</summary>
    public int MaxWaitingRedactions { get; init; } = 1000;

    /// <summary>How many users a room may be created with.</summary>
    public int MaxInitialInvites { get; init; } = 100;

    /// <summary>How many state events a request to create a room may bring.</summary>
    public int MaxInitialState { get; init; } = 200;
}
