namespace Matrix.Host.Rooms.Delayed;

/// <summary>Why an event was not scheduled.</summary>
public enum ScheduleRefusal
{
    /// <summary>It was.</summary>
    None,

    /// <summary>The delay is longer than <see cref="DelayOptions.Longest"/>.</summary>
    TooLong,

    /// <summary>The user has, or all users have, as many as may wait.</summary>
    TooMany,

    /// <summary>The user is not in the room.</summary>
    NotInRoom,
}

/// <summary>The outcome of a request to schedule an event.</summary>
/// <param name="DelayId">Its secret name; empty if it was refused.</param>
public readonly record struct ScheduleResult(string DelayId, ScheduleRefusal Refusal)
{
    /// <summary>The refusal.</summary>
    public static implicit operator ScheduleResult(ScheduleRefusal refusal) => new("", refusal);
}
