using Matrix.Core.Federation;
using Matrix.Host.Parts;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>The limits of what is sent to application services.</summary>
public sealed record AppServiceOptions
{
    /// <summary>The server's name.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "app_services.token_in_query",
        "Whether requests to services have the hs_token as access_token in the query too, for old services. It "
            + "may appear in their logs.")]
    public bool TokenInQuery { get; init; }

    [Setting(
        "app_services.sending",
        "Services that are sent to at once; others wait for their turn.",
        Least = 4, Most = 10_000)]
    public int MaxSending { get; init; } = 32;

    [Setting(
        "app_services.sending_failing",
        "Those of them that did not answer the last time, answered slowly, or have not been sent to before.",
        Least = 1, Most = 10_000)]
    public int MaxSendingLimited { get; init; } = 16;

    [Setting("app_services.transaction_events", "Events in one transaction.", Least = 1, Most = 10_000)]
    public int MaxEvents { get; init; } = 100;

    [Setting(
        "app_services.transaction_bytes",
        "Events in one transaction; a larger event goes alone.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 256 << 20)]
    public int MaxBytes { get; init; } = 4 << 20;

    [Setting(
        "app_services.ephemeral",
        "Receipts, and rooms with typing users, that wait for a service; further ones are dropped.",
        Least = 1, Most = 1_000_000)]
    public int MaxEphemeral { get; init; } = 10_000;

    [Setting("app_services.to_device", "Messages to devices in one transaction.", Least = 1, Most = 10_000)]
    public int MaxToDevice { get; init; } = 100;

    [Setting(
        "app_services.device_lists",
        "Users whose device lists changed, in one transaction.",
        Least = 1, Most = 100_000)]
    public int MaxDeviceLists { get; init; } = 500;

    [Setting("app_services.transaction_time", "How long a service has for a transaction.", Form = SettingForm.Timer)]
    public TimeSpan TransactionTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "app_services.query_time",
        "How long a service has for a query of a user, an alias or a third-party network, or for a ping.",
        Form = SettingForm.Timer)]
    public TimeSpan QueryTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "app_services.query_attempts",
        "Attempts of a query that a service does not answer.",
        Least = 1, Most = 10)]
    public int QueryAttempts { get; init; } = 3;

    [Setting(
        "app_services.queries",
        "Queries at once, at most half of them of one service; further ones count as not answered.",
        Least = 1, Most = 10_000)]
    public int MaxQueries { get; init; } = 64;

    [Setting(
        "app_services.response_bytes",
        "The response of a service.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 64 << 20)]
    public int MaxResponseBytes { get; init; } = 1 << 20;

    [Setting("app_services.first_pause", "The pause after a service did not answer. Each further failure doubles it.")]
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("app_services.longest_pause", "The longest pause.")]
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("app_services.legacy_time", "How long a service that knew only the legacy paths is asked by these.")]
    public TimeSpan LegacyTime { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "app_services.room_cache",
        "The numbers of a service's users in rooms, for each service.",
        Least = 64 << 10, Most = 4L << 30)]
    public long RoomCacheBytes { get; init; } = 4 << 20;

    [Setting(
        "app_services.record_after",
        "Changes without an event for a service, after which its position is written. After a crash, changes "
            + "since then are read again.",
        Least = 1)]
    public int RecordAfter { get; init; } = 10_000;

    /// <summary>The pauses as the core takes them.</summary>
    internal BackoffPauses Pauses => new(
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds,
        (long)FirstPause.TotalMilliseconds,
        (long)LongestPause.TotalMilliseconds);
}
