namespace Matrix.Host.Rooms.Delayed;

/// <summary>Bounds of delayed events.</summary>
public sealed record DelayOptions
{
    /// <summary>The longest delay.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most that wait for one user.</summary>
    public int MaxOfUser { get; init; } = 100;

    /// <summary>The most that wait on the server.</summary>
    public int MaxAll { get; init; } = 20_000;

    /// <summary>When one is tried again that a busy room, or the database, did not take.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(5);
}
