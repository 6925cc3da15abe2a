namespace Matrix.Host.Rooms.Jobs;

/// <summary>Bounds of jobs. Configuration: `jobs`.</summary>
public sealed record JobOptions
{
    /// <summary>The most jobs that go on at once; others wait.</summary>
    public int AtOnce { get; init; } = 2;

    /// <summary>The most jobs that have not ended; further ones are refused.</summary>
    public int MostOpen { get; init; } = 1000;

    /// <summary>The most ended jobs that are kept for those who ask.</summary>
    public int Kept { get; init; } = 1000;

    /// <summary>The most rows that a job writes or deletes at once.</summary>
    public int Rows { get; init; } = 200;

    /// <summary>
    /// How long a room that is deleted waits: for other servers to get the departures, and for requests that read it.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest time that it waits for other servers that answer slowly.</summary>
    public TimeSpan LongestGrace { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a request waits for the end of the job that it began.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(50);
}
