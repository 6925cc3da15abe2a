using System.Globalization;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// How long each stage of a join through another server took, and how much of the processors' time the whole process
/// used meanwhile.
/// </summary>
internal sealed class JoinTimings(TimeProvider time)
{
    private readonly List<string> _ended = [];
    private long _started = time.GetTimestamp();
    private TimeSpan _used = Environment.CpuUsage.TotalTime;

    /// <summary>Ends a stage; the next one begins.</summary>
    internal void Ended(string stage)
    {
        var (now, used) = (time.GetTimestamp(), Environment.CpuUsage.TotalTime);
        _ended.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{stage} {time.GetElapsedTime(_started, now).TotalMilliseconds:F0} "
            + $"({(used - _used).TotalMilliseconds:F0})"));
        (_started, _used) = (now, used);
    }

    /// <summary>The stages, with their milliseconds and, in brackets, those of the processors.</summary>
    public override string ToString() => string.Join(", ", _ended);
}
