namespace Matrix.Host.Rooms.Administration;

/// <summary>How long messages and rooms are kept. Configuration: `retention`.</summary>
public sealed record RetentionOptions
{
    /// <summary>Whether `m.room.retention` of rooms is followed (MSC1763).</summary>
    public bool FollowsRooms { get; init; }

    /// <summary>How long messages are kept in rooms that do not say; null for ever.</summary>
    public TimeSpan? Usual { get; init; }

    /// <summary>The shortest time that a room may ask for.</summary>
    public TimeSpan Shortest { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The longest time; null for any.</summary>
    public TimeSpan? Longest { get; init; }

    /// <summary>How long after the last local member left a room is deleted; null for never.</summary>
    public TimeSpan? EmptyRooms { get; init; }

    /// <summary>How often it is looked what is too old.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Whether anything is deleted.</summary>
    public bool IsOn => FollowsRooms || Usual is not null || EmptyRooms is not null;
}
