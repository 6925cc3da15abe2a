namespace Matrix.Host.Outbound.Queue;

/// <summary>What a sender does after its attempt.</summary>
internal enum AfterAttempt
{
    /// <summary>It has nothing to send.</summary>
    Idle,

    /// <summary>It has more to send.</summary>
    Again,

    /// <summary>It failed, and waits until a time.</summary>
    Later,
}

/// <summary>The end of an attempt.</summary>
/// <param name="At">When to go on, in milliseconds since the epoch.</param>
/// <param name="HasSucceeded">Whether the receiver took what was sent.</param>
internal readonly record struct AttemptResult(AfterAttempt After, long At = 0, bool HasSucceeded = false)
{
    internal static AttemptResult Idle => new(AfterAttempt.Idle);

    internal static AttemptResult Again => new(AfterAttempt.Again);

    internal static AttemptResult Later(long at) => new(AfterAttempt.Later, at);

    /// <summary>The receiver took what was sent.</summary>
    internal static AttemptResult Succeeded(bool hasMore) =>
        new(hasMore ? AfterAttempt.Again : AfterAttempt.Idle, HasSucceeded: true);
}

/// <summary>Sends to one receiver, one request at a time. <see cref="SendQueue"/> starts its attempts.</summary>
internal abstract class QueuedSender
{
    /// <summary>The sender's status; the queue's lock guards it and the members below.</summary>
    internal SenderStatus Status { get; set; }

    /// <summary>What its attempts so far say of its receiver.</summary>
    internal SenderClass Class { get; set; }

    /// <summary>Whether something came to send during its attempt.</summary>
    internal bool HasNews { get; set; }

    /// <summary>The time until which it waits. An entry of the waiting line with another time is stale.</summary>
    internal long WaitsUntil { get; set; }

    /// <summary>The time to which a wait after the attempt was shortened during it.</summary>
    internal long WaitsAtMostUntil { get; set; }

    /// <summary>Sends one request. If it throws, and was not stopped, it waits for a while.</summary>
    internal abstract ValueTask<AttemptResult> AttemptAsync(CancellationToken stop);
}

/// <summary>
/// What is known of a sender's receiver. All classes but the healthy one share a part of the attempts.
/// </summary>
internal enum SenderClass
{
    /// <summary>It has not answered yet.</summary>
    New,

    /// <summary>It took the last request, soon.</summary>
    Healthy,

    /// <summary>It took the last request, late.</summary>
    Slow,

    /// <summary>The last request failed.</summary>
    Failing,
}

/// <summary>The status of a sender.</summary>
internal enum SenderStatus
{
    /// <summary>It has nothing to send. The queue does not know it.</summary>
    Idle,

    /// <summary>It waits for an attempt.</summary>
    Ready,

    /// <summary>Its attempt runs.</summary>
    Sending,

    /// <summary>It waits for a time after a failure.</summary>
    Waiting,
}
