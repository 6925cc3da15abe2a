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
        Key(
            "retention.follow_rooms", ConfigTypes.Flag, c => c.Retention.FollowsRooms,
            "Whether messages are deleted that are older than a room's m.room.retention says (MSC1763)."),
        Key(
            "retention.messages", ConfigTypes.DurationOrEver, c => c.Retention.Usual,
            "How long messages are kept in rooms that do not say, such as 365d, or ever."),
        Key(
            "retention.shortest", ConfigTypes.Duration, c => c.Retention.Shortest,
            "The shortest time that a room may ask for; a shorter one becomes this."),
        Key(
            "retention.longest", ConfigTypes.DurationOrEver, c => c.Retention.Longest,
            "The longest time that a room may ask for; a longer one becomes this."),
        Key(
            "retention.empty_rooms", ConfigTypes.DurationOrEver, c => c.Retention.EmptyRooms,
            "How long after its last local member left a room is deleted from this server, or ever for never."),
        Key(
            "retention.interval", ConfigTypes.TimerDuration, c => c.Retention.Interval,
            "How often it is looked what is too old."),
    ];
}
