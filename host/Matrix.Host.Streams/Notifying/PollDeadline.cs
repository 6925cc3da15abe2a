namespace Matrix.Host.Streams.Notifying;

/// <summary>When a long-poll ends.</summary>
internal readonly struct PollDeadline(TimeProvider time, TimeSpan atMost)
{
    private readonly long _at = time.GetTimestamp() + (long)(atMost.TotalSeconds * time.TimestampFrequency);

    /// <summary>The time that is left; none or less when it is over.</summary>
    public TimeSpan Left => TimeSpan.FromSeconds((double)(_at - time.GetTimestamp()) / time.TimestampFrequency);
}
