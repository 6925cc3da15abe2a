namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of pushes.</summary>
    private static ConfigKey[] PushKeys() =>
    [
        Key(
            "push.allow_networks", ConfigTypes.Networks, c => c.Push.AllowNetworks,
            "Networks in which push gateways may be although they are private, such as [10.0.0.0/8]. Users name the "
                + "gateways."),
        Key(
            "push.count_rooms", ConfigTypes.Flag, c => c.Push.CountsRooms,
            "Whether a device shows the number of rooms with notifications, and not that of notifications."),
        Key(
            "push.request_time", ConfigTypes.TimerDuration, c => c.Push.RequestTime,
            "The time of one request to a push gateway."),
        Key(
            "push.response_bytes", ConfigTypes.FewBytes(1 << 10, 16 << 20), c => c.Push.MaxResponseBytes,
            "The response of a push gateway."),
        Key(
            "push.first_pause", ConfigTypes.Duration, c => c.Push.FirstPause,
            "The pause after a push gateway did not take a push. Each further failure doubles it."),
        Key("push.longest_pause", ConfigTypes.Duration, c => c.Push.LongestPause, "The longest pause."),
        Key(
            "push.push_time", ConfigTypes.Duration, c => c.Push.PushTime,
            "How long a push is tried; then it is dropped."),
        Key(
            "push.waiting_pushes", ConfigTypes.Whole(1, 1_000_000), c => c.Push.MaxOwed,
            "Pushes of one device that wait to be sent; of a quarter more than that the oldest are dropped."),
        Key(
            "push.refused_time", ConfigTypes.Duration, c => c.Push.RefusedTime,
            "How long a push is tried that its push gateway refuses, by a status other than those of an overloaded "
                + "server; then it is dropped, and the next one is sent."),
        Key(
            "push.gateway_requests", ConfigTypes.Whole(1, 1000), c => c.Push.MaxPerGateway,
            "Requests to one push gateway at once, shared among users."),
        Key(
            "push.user_requests", ConfigTypes.Whole(1, 1000), c => c.Push.MaxPerGatewayAndUser,
            "Those of them that are for devices of one user."),
        Key(
            "push.pushers", ConfigTypes.Whole(4, 10_000), c => c.Push.MaxSending,
            "Devices that are pushed to at once; others wait for their turn."),
        Key(
            "push.failing_pushers", ConfigTypes.Whole(1, 10_000), c => c.Push.MaxSendingLimited,
            "Those of them whose push gateway did not answer the last time, answered slowly, or has not been sent to "
                + "before."),
        Key(
            "push.slow_after", ConfigTypes.Duration, c => c.Push.SlowAfter,
            "A push gateway whose last response took this long is slow."),
        Key(
            "push.idle_pushers", ConfigTypes.Whole(0), c => c.Push.MaxIdle,
            "Devices in memory to which nothing has to be pushed."),
        Key(
            "push.waiting_commits", ConfigTypes.Whole(16), c => c.Push.MaxWaitingFlushes,
            "Commits in memory whose pushes are not determined yet. Further ones are read from the database later."),
        Key(
            "push.waiting_changes", ConfigTypes.Whole(100), c => c.Push.MaxWaitingChanges,
            "Events, outcomes of push rules and receipts in these commits."),
        Key(
            "push.page_events", ConfigTypes.Whole(10, 100_000), c => c.Push.EventsPerPage,
            "Events that are read from the database at once after a start."),
        Key(
            "push.record_interval", ConfigTypes.TimerDuration, c => c.Push.RecordInterval,
            "How often the position is written while nothing is pushed."),
        Key(
            "push.longest_read_pause", ConfigTypes.Duration, c => c.Push.LongestReadPause,
            "The longest pause between two attempts to use the database after it failed."),
        Key(
            "push.stop_time", ConfigTypes.TimerDuration, c => c.Push.StopTime,
            "How long a stop waits for requests to push gateways; those that it ends are made again after the start."),
    ];
}
