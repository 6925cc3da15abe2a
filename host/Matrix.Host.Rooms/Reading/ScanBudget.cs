namespace Matrix.Host.Rooms.Reading;

/// <summary>The time in which one request looks for events that pass its filter. It begins when a first look has found too few.</summary>
public sealed class ScanBudget(TimeProvider time, TimeSpan longest)
{
    /// <summary>Events that are read at once after that first look.</summary>
    public const int Page = 200;

    private long? _began;

    /// <summary>Whether another page may be read.</summary>
    public bool MayGoOn()
    {
        if (_began is { } began) return time.GetElapsedTime(began) < longest;
        _began = time.GetTimestamp();
        return true;
    }
}
