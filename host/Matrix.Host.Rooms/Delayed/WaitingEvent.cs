using Matrix.Host.Storage.Tables.DelayedEvents;

namespace Matrix.Host.Rooms.Delayed;

/// <summary>What happens with a delayed event.</summary>
internal enum DelayPhase
{
    /// <summary>It is being written. Nobody knows its id.</summary>
    Storing,

    /// <summary>It waits until it is due.</summary>
    Waiting,

    /// <summary>It is being sent or cancelled: nothing else happens to it.</summary>
    Ending,
}

/// <summary>How an attempt to send or cancel a delayed event ended.</summary>
/// <param name="IsDropped">Whether it will never be sent: it was cancelled or replaced.</param>
/// <param name="Failure">Why it was not sent; null if it was sent or dropped.</param>
internal readonly record struct DelayEnd(bool IsDropped, RoomFailure? Failure)
{
    internal static DelayEnd Sent => default;

    internal static DelayEnd Dropped => new(IsDropped: true, null);

    internal static DelayEnd Failed(RoomFailure failure) => new(IsDropped: false, failure);
}

/// <summary>A delayed event in memory, without its content. Guarded by its schedule's lock.</summary>
internal sealed class WaitingEvent(DelayedEventRow row)
{
    /// <summary>The row, without the content.</summary>
    internal DelayedEventRow Row { get; } = row with { Content = ReadOnlyMemory<byte>.Empty };

    internal DelayPhase Phase { get; set; } = DelayPhase.Storing;

    /// <summary>When it is sent, in milliseconds since the epoch.</summary>
    internal long Due { get; set; } = row.Since + row.Delay;

    /// <summary>The position at which it was stored; 0 if before this start.</summary>
    internal long Position { get; set; }

    /// <summary>Whether another user's state event has taken its place.</summary>
    internal bool IsReplaced { get; set; }

    /// <summary>Whether it is stored.</summary>
    internal TaskCompletionSource<bool> Stored { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The end of the attempt that is under way.</summary>
    internal TaskCompletionSource<DelayEnd> Attempt { get; set; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
