namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of application services.</summary>
    private static ConfigKey[] AppServiceKeys() =>
    [
        AppServiceFiles,
        Key(
            "app_services.check_interval", ConfigTypes.TimerDuration, c => c.AppServiceCheckInterval,
            "How often the server looks whether the files have changed."),
        Key(
            "app_services.most", ConfigTypes.Whole(1, 10_000), c => c.MaxAppServices,
            "Application services."),
        Key(
            "app_services.namespaces", ConfigTypes.Whole(1, 100_000), c => c.MaxNamespaces,
            "Namespaces of users, of aliases and of rooms of one service, and its protocols."),
        Key(
            "app_services.token_in_query", ConfigTypes.Flag, c => c.AppServices.TokenInQuery,
            "Whether requests to services have the hs_token as access_token in the query too, for old services. It "
                + "may appear in their logs."),
        Key(
            "app_services.sending", ConfigTypes.Whole(4, 10_000), c => c.AppServices.MaxSending,
            "Services that are sent to at once; others wait for their turn."),
        Key(
            "app_services.sending_failing", ConfigTypes.Whole(1, 10_000), c => c.AppServices.MaxSendingLimited,
            "Those of them that did not answer the last time, answered slowly, or have not been sent to before."),
        Key(
            "app_services.transaction_events", ConfigTypes.Whole(1, 10_000), c => c.AppServices.MaxEvents,
            "Events in one transaction."),
        Key(
            "app_services.transaction_bytes", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.AppServices.MaxBytes,
            "Events in one transaction; a larger event goes alone."),
        Key(
            "app_services.ephemeral", ConfigTypes.Whole(1, 1_000_000), c => c.AppServices.MaxEphemeral,
            "Receipts, and rooms with typing users, that wait for a service; further ones are dropped."),
        Key(
            "app_services.to_device", ConfigTypes.Whole(1, 10_000), c => c.AppServices.MaxToDevice,
            "Messages to devices in one transaction."),
        Key(
            "app_services.device_lists", ConfigTypes.Whole(1, 100_000), c => c.AppServices.MaxDeviceLists,
            "Users whose device lists changed, in one transaction."),
        Key(
            "app_services.transaction_time", ConfigTypes.TimerDuration, c => c.AppServices.TransactionTime,
            "How long a service has for a transaction."),
        Key(
            "app_services.query_time", ConfigTypes.TimerDuration, c => c.AppServices.QueryTime,
            "How long a service has for a query of a user, an alias or a third-party network, or for a ping."),
        Key(
            "app_services.query_attempts", ConfigTypes.Whole(1, 10), c => c.AppServices.QueryAttempts,
            "Attempts of a query that a service does not answer."),
        Key(
            "app_services.queries", ConfigTypes.Whole(1, 10_000), c => c.AppServices.MaxQueries,
            "Queries at once, at most half of them of one service; further ones count as not answered."),
        Key(
            "app_services.response_bytes", ConfigTypes.FewBytes(1 << 10, 64 << 20), c => c.AppServices.MaxResponseBytes,
            "The response of a service."),
        Key(
            "app_services.first_pause", ConfigTypes.Duration, c => c.AppServices.FirstPause,
            "The pause after a service did not answer. Each further failure doubles it."),
        Key(
            "app_services.longest_pause", ConfigTypes.Duration, c => c.AppServices.LongestPause, "The longest pause."),
        Key(
            "app_services.legacy_time", ConfigTypes.Duration, c => c.AppServices.LegacyTime,
            "How long a service that knew only the legacy paths is asked by these."),
        Key(
            "app_services.room_cache", ConfigTypes.Bytes(64 << 10, 4L << 30), c => c.AppServices.RoomCacheBytes,
            "The numbers of a service's users in rooms, for each service."),
        Key(
            "app_services.record_after", ConfigTypes.Whole(1), c => c.AppServices.RecordAfter,
            "Changes without an event for a service, after which its position is written. After a crash, changes since "
                + "then are read again."),
    ];
}
