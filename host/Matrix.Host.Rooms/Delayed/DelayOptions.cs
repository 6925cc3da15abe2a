using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Delayed;

/// <summary>Bounds of delayed events.</summary>
public sealed record DelayOptions
{
    [Setting(
        "limits.delayed_events",
        "Events of one user that wait to be sent after a delay; more are refused.",
        Least = 1, Most = 10_000)]
    public int MaxOfUser { get; init; } = 100;

    [Setting("limits.delayed_events_of_all", "The same of all users.", Least = 1, Most = 1_000_000)]
    public int MaxAll { get; init; } = 20_000;

    [Setting(
        "limits.longest_delay",
        "The longest delay of such an event; a longer one is refused, and the client is told this one.")]
    public TimeSpan Longest { get; init; } = TimeSpan.FromDays(1);

    /// <summary>When one is tried again that a busy room, or the database, did not take.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(5);
}
