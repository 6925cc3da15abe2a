using Matrix.Core.Federation;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>The limits of what is sent to application services.</summary>
public sealed record AppServiceOptions
{
    /// <summary>The server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>Whether requests have the `hs_token` in the query too, for services of old.</summary>
    public bool TokenInQuery { get; init; }

    /// <summary>The most services that are sent to at once.</summary>
    public int MaxSending { get; init; } = 32;

    /// <summary>The most of them that failed last, are slow, or have not answered yet.</summary>
    public int MaxSendingLimited { get; init; } = 16;

    /// <summary>The most events in a transaction.</summary>
    public int MaxEvents { get; init; } = 100;

    /// <summary>The most bytes of events in a transaction; the first event always goes.</summary>
    public int MaxBytes { get; init; } = 4 << 20;

    /// <summary>The most receipts and rooms with typing users that wait for a service; more are dropped.</summary>
    public int MaxEphemeral { get; init; } = 10_000;

    /// <summary>The most messages to devices in a transaction.</summary>
    public int MaxToDevice { get; init; } = 100;

    /// <summary>The most users whose device lists changed, in a transaction.</summary>
    public int MaxDeviceLists { get; init; } = 500;

    /// <summary>The time of a request with a transaction.</summary>
    public TimeSpan TransactionTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The time of a query, or of a ping.</summary>
    public TimeSpan QueryTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The attempts of a query that the service does not answer.</summary>
    public int QueryAttempts { get; init; } = 3;

    /// <summary>The most queries at once.</summary>
    public int MaxQueries { get; init; } = 64;

    /// <summary>The most bytes of a response.</summary>
    public int MaxResponseBytes { get; init; } = 1 << 20;

    /// <summary>The pause after the first failure; each further one doubles it.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a service that knows only the legacy routes is asked by them first.</summary>
    public TimeSpan LegacyTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Bytes of the cached numbers of a service's users in rooms, for each service.</summary>
    public long RoomCacheBytes { get; init; } = 4 << 20;

    /// <summary>The position is written after so many positions without an event for the service.</summary>
    public int RecordAfter { get; init; } = 10_000;

    /// <summary>The pauses as the core takes them.</summary>
    internal BackoffPauses Pauses => new(
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds,
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds);
}
