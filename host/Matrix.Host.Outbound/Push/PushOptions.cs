using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Outbound.Push;

/// <summary>The limits of pushes.</summary>
public sealed record PushOptions
{
    [Setting(
        "push.allow_networks",
        "Networks in which push gateways may be although they are private, such as [10.0.0.0/8]. Users name the "
            + "gateways.")]
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    [Setting(
        "push.count_rooms",
        "Whether a device shows the number of rooms with notifications, and not that of notifications.")]
    public bool CountsRooms { get; init; } = true;

    [Setting("push.request_time", "The time of one request to a push gateway.", Form = SettingForm.Timer)]
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "push.response_bytes",
        "The response of a push gateway.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 16 << 20)]
    public int MaxResponseBytes { get; init; } = 64 << 10;

    [Setting(
        "push.first_pause",
        "The pause after a push gateway did not take a push. Each further failure doubles it.")]
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("push.longest_pause", "The longest pause.")]
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromHours(1);

    [Setting("push.push_time", "How long a push is tried; then it is dropped.")]
    public TimeSpan PushTime { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "push.waiting_pushes",
        "Pushes of one device that wait to be sent; of a quarter more than that the oldest are dropped.",
        Least = 1, Most = 1_000_000)]
    public int MaxPending { get; init; } = 500;

    [Setting(
        "push.refused_time",
        "How long a push is tried that its push gateway refuses, by a status other than those of an overloaded "
            + "server; then it is dropped, and the next one is sent.")]
    public TimeSpan RefusedTime { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "push.gateway_requests",
        "Requests to one push gateway at once, shared among users.",
        Least = 1, Most = 1000)]
    public int MaxPerGateway { get; init; } = 8;

    [Setting("push.user_requests", "Those of them that are for devices of one user.", Least = 1, Most = 1000)]
    public int MaxPerGatewayAndUser { get; init; } = 2;

    [Setting(
        "push.pushers",
        "Devices that are pushed to at once; others wait for their turn.",
        Least = 4, Most = 10_000)]
    public int MaxSending { get; init; } = 64;

    [Setting(
        "push.failing_pushers",
        "Those of them whose push gateway did not answer the last time, answered slowly, or has not been sent to "
            + "before.",
        Least = 1, Most = 10_000)]
    public int MaxSendingLimited { get; init; } = 32;

    [Setting("push.slow_after", "A push gateway whose last response took this long is slow.")]
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(3);

    [Setting("push.idle_pushers", "Devices in memory to which nothing has to be pushed.")]
    public int MaxIdle { get; init; } = 20_000;

    [Setting(
        "push.waiting_commits",
        "Commits in memory whose pushes are not determined yet. Further ones are read from the database later.",
        Least = 16)]
    public int MaxWaitingFlushes { get; init; } = 10_000;

    [Setting("push.waiting_changes", "Events, outcomes of push rules and receipts in these commits.", Least = 100)]
    public int MaxWaitingChanges { get; init; } = 100_000;

    [Setting(
        "push.page_events",
        "Events that are read from the database at once after a start.",
        Least = 10, Most = 100_000)]
    public int EventsPerPage { get; init; } = 500;

    [Setting(
        "push.record_interval",
        "How often the position is written while nothing is pushed.",
        Form = SettingForm.Timer)]
    public TimeSpan RecordInterval { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("push.longest_read_pause", "The longest pause between two attempts to use the database after it failed.")]
    public TimeSpan LongestReadPause { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "push.stop_time",
        "How long a stop waits for requests to push gateways; those that it ends are made again after the start.",
        Form = SettingForm.Timer)]
    public TimeSpan StopTime { get; init; } = TimeSpan.FromSeconds(2.5);

    [Setting("cache.badges", "Counts of users' unread rooms, for pushes.", Least = 64 << 10, Most = 4L << 30)]
    public long BadgeCacheBytes { get; init; } = 16L << 20;
}
