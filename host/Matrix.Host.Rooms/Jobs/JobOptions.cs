using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.Jobs;

/// <summary>Bounds of jobs. Configuration: `jobs`.</summary>
public sealed record JobOptions
{
    [Setting(
        "jobs.at_once",
        "The most jobs (deletions of rooms, purges) that go on at once; others wait.",
        Least = 1, Most = 64)]
    public int AtOnce { get; init; } = 2;

    [Setting("jobs.open", "The most jobs that have not ended; further ones are refused.", Least = 1, Most = 100_000)]
    public int MostOpen { get; init; } = 1000;

    [Setting("jobs.kept", "The most ended jobs that are kept for those who ask.", Least = 1, Most = 100_000)]
    public int Kept { get; init; } = 1000;

    [Setting("jobs.rows", "The most rows that a job writes or deletes at once.", Least = 1, Most = 10_000)]
    public int Rows { get; init; } = 200;

    [Setting(
        "jobs.grace",
        "How long a room that is deleted waits: for other servers to get the departures, and for requests that "
            + "read it.")]
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("jobs.longest_grace", "The longest time that it waits for other servers that answer slowly.")]
    public TimeSpan LongestGrace { get; init; } = TimeSpan.FromMinutes(2);

    [Setting("jobs.longest_wait", "How long a request waits for the end of the job that it began.")]
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(50);
}
