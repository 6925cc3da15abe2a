namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of jobs.</summary>
    private static ConfigKey[] JobKeys() =>
    [
        Key(
            "jobs.at_once", ConfigTypes.Whole(1, 64), c => c.Jobs.AtOnce,
            "The most jobs (deletions of rooms, purges) that go on at once; others wait."),
        Key(
            "jobs.open", ConfigTypes.Whole(1, 100_000), c => c.Jobs.MostOpen,
            "The most jobs that have not ended; further ones are refused."),
        Key(
            "jobs.kept", ConfigTypes.Whole(1, 100_000), c => c.Jobs.Kept,
            "The most ended jobs that are kept for those who ask."),
        Key(
            "jobs.rows", ConfigTypes.Whole(1, 10_000), c => c.Jobs.Rows,
            "The most rows that a job writes or deletes at once."),
        Key(
            "jobs.grace", ConfigTypes.Duration, c => c.Jobs.Grace,
            "How long a room that is deleted waits: for other servers to get the departures, and for requests that "
                + "read it."),
        Key(
            "jobs.longest_grace", ConfigTypes.Duration, c => c.Jobs.LongestGrace,
            "The longest time that it waits for other servers that answer slowly."),
        Key(
            "jobs.longest_wait", ConfigTypes.Duration, c => c.Jobs.LongestWait,
            "How long a request waits for the end of the job that it began."),
    ];
}
