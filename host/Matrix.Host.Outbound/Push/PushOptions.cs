using System.Net;

namespace Matrix.Host.Outbound.Push;

/// <summary>The limits of pushes.</summary>
public sealed record PushOptions
{
    /// <summary>Private networks in which push gateways may be.</summary>
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    /// <summary>The time of one request to a push gateway.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most bytes of a push gateway's response.</summary>
    public int MaxResponseBytes { get; init; } = 64 << 10;

    /// <summary>The most pushers that send at once.</summary>
    public int MaxSending { get; init; } = 64;

    /// <summary>The most of them that failed last, are slow, or have not sent yet.</summary>
    public int MaxSendingLimited { get; init; } = 32;

    /// <summary>A pusher whose last request took at least this long is slow.</summary>
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The pause after the first failure; each further one doubles it.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a push is tried; then it is dropped.</summary>
    public TimeSpan PushTime { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most requests to one push gateway at once.</summary>
    public int MaxPerGateway { get; init; } = 8;

    /// <summary>The most of them for one user's pushers.</summary>
    public int MaxPerGatewayAndUser { get; init; } = 2;

    /// <summary>How long a push is tried that its gateway answers with a refusal; then later ones go on.</summary>
    public TimeSpan RefusedTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most events that a pusher owes, or a quarter more; the oldest are dropped.</summary>
    public int MaxOwed { get; init; } = 500;

    /// <summary>The most pushers in memory that have nothing to send.</summary>
    public int MaxIdle { get; init; } = 20_000;

    /// <summary>Whether the count of unread is that of rooms, and not of notifications.</summary>
    public bool CountsRooms { get; init; } = true;

    /// <summary>Bytes of cached counts of users' unread rooms.</summary>
    public long BadgeCacheBytes { get; init; } = 16L << 20;

    /// <summary>The most commits that wait in memory; beyond this they are read from the database.</summary>
    public int MaxWaitingFlushes { get; init; } = 10_000;

    /// <summary>The most events, outcomes and receipts in these commits.</summary>
    public int MaxWaitingChanges { get; init; } = 100_000;

    /// <summary>Events, or users with moved receipts, that are read from the database at once.</summary>
    public int EventsPerPage { get; init; } = 500;

    /// <summary>How often the position is written while nothing is owed.</summary>
    public TimeSpan RecordInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause after a failure of the database.</summary>
    public TimeSpan LongestReadPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a stop waits for requests that were sent.</summary>
    public TimeSpan StopTime { get; init; } = TimeSpan.FromSeconds(2.5);
}
