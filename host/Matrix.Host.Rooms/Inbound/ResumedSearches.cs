namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// When room machines search for what events lack that they are told again, after a start or when a room was read
/// again: <see cref="ReceivingOptions.ResumedSearchesPerMinute"/> of all rooms, but all of them within
/// <see cref="ReceivingOptions.LongestFetchPause"/>. Thread-safe.
/// </summary>
internal sealed class ResumedSearches(ReceivingOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly double _interval = 60_000.0 / options.ResumedSearchesPerMinute;
    private double _next;

    /// <summary>The time of the next search, in milliseconds.</summary>
    internal long Next()
    {
        lock (_gate)
        {
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var at = Math.Max(now, _next);

            // Whoever makes many events wait, or a room be read again, delays others no longer than that.
            if (at > now + options.LongestFetchPause.TotalMilliseconds) at = now;
            _next = at + _interval;
            return (long)at;
        }
    }
}
