using Matrix.Core.Presence;
using Matrix.Host.Parts;

namespace Matrix.Host.Users.Presence;

/// <summary>Who sees the presence of local users.</summary>
public enum PresenceMode
{
    /// <summary>Users who share a room, also those of other servers, whose presence is shown here.</summary>
    On,

    /// <summary>Local users who share a room. Nothing is exchanged with other servers.</summary>
    Local,

    /// <summary>Nobody.</summary>
    Off,
}

/// <summary>The times and bounds of presence.</summary>
public sealed record PresenceOptions
{
    [Setting(
        "compatibility.presence_list",
        "Users on the presence list of one user, which such clients have.",
        Most = 10_000)]
    public int MaxListed { get; init; } = 200;

    [Setting(
        "presence.mode",
        "Who sees the presence of users: on (all who share a room, and users of other servers are shown here), "
            + "local (local users who share a room), or off (nobody).",
        Words = ["on", "local", "off"])]
    public PresenceMode Mode { get; init; } = PresenceMode.On;

    [Setting("presence.idle_after", "A user who did nothing for this long is unavailable.", Form = SettingForm.Timer)]
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(5);

    [Setting(
        "presence.offline_after",
        "A device that sent no request for this long is offline.",
        Form = SettingForm.Timer)]
    public TimeSpan OfflineAfter { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("presence.active_for", "How long a user is currently active after an activity.", Form = SettingForm.Timer)]
    public TimeSpan ActiveFor { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "presence.devices",
        "Devices of a user whose presence counts; the one seen longest ago does not.",
        Least = 1, Most = 1000)]
    public int MaxDevices { get; init; } = 16;

    [Setting(
        "presence.users",
        "Users in memory, local ones and others; some 500 bytes each. Further ones are shown as offline.",
        Least = 10)]
    public int MaxUsers { get; init; } = 100_000;

    [Setting(
        "presence.status_bytes",
        "A status message. Longer ones of other servers' users are not shown.",
        Form = SettingForm.Bytes, Least = 16, Most = 64 << 10)]
    public int StatusBytes { get; init; } = 512;

    [Setting("presence.gather_time", "How long changes are gathered before they are shown.", Form = SettingForm.Timer)]
    public TimeSpan GatherTime { get; init; } = TimeSpan.FromMilliseconds(250);

    [Setting(
        "presence.changes_at_once",
        "Users whose changes are shown at once; others wait for the next time.",
        Least = 1, Most = 100_000)]
    public int MaxChangesAtOnce { get; init; } = 100;

    [Setting(
        "presence.change_interval",
        "The shortest time between two changes of one user that are shown; the latest one is.",
        Form = SettingForm.Timer)]
    public TimeSpan ChangeInterval { get; init; } = TimeSpan.FromSeconds(2);

    [Setting(
        "presence.remembered_changes",
        "Changes that each user who syncs is remembered to have news of; before them the database is read.",
        Least = 1, Most = 100_000)]
    public int MaxRemembered { get; init; } = 256;

    [Setting("presence.shown_users", "Users in one response, the latest changes first.", Least = 1, Most = 100_000)]
    public int MaxShown { get; init; } = 1000;

    [Setting(
        "presence.looked_up_users",
        "Users for whom the database is asked, in one response, whether they share a room.",
        Least = 1, Most = 100_000)]
    public int MaxLookedUp { get; init; } = 500;

    [Setting(
        "presence.remote_for",
        "A user of another server is offline if that server sends nothing about them for this long.",
        Form = SettingForm.Timer)]
    public TimeSpan RemoteFor { get; init; } = TimeSpan.FromMinutes(30);

    [Setting(
        "presence.repeat_after",
        "How often other servers get the presence of a user who is not offline, changed or not.",
        Form = SettingForm.Timer)]
    public TimeSpan RepeatAfter { get; init; } = TimeSpan.FromMinutes(25);

    [Setting(
        "presence.received_users",
        "Users of one transaction whose presence is taken from another server.",
        Least = 1, Most = 100_000)]
    public int MaxReceived { get; init; } = 1000;

    [Setting(
        "presence.early_for",
        "How long the presence of another server's user is kept who shares no room yet: the join may come after "
            + "it.",
        Form = SettingForm.Timer)]
    public TimeSpan EarlyFor { get; init; } = TimeSpan.FromMinutes(2);

    [Setting(
        "presence.early_users",
        "Users whose presence is kept so, at most a tenth of them of one server.",
        Least = 10, Most = 1_000_000)]
    public int MaxEarly { get; init; } = 10_000;

    [Setting("presence.users_of_edu", "Users in one EDU to another server.", Least = 1, Most = 1000)]
    public int MaxUsersPerEdu { get; init; } = 50;

    [Setting(
        "presence.owed_users",
        "Users whose presence waits for one server; that of further ones is not sent.",
        Least = 1, Most = 1_000_000)]
    public int MaxPending { get; init; } = 1000;

    [Setting(
        "presence.join_delay",
        "How long after a join the presence of users who now share a room is sent to the other server, which may "
            + "not know the join before.",
        Form = SettingForm.Timer)]
    public TimeSpan JoinDelay { get; init; } = TimeSpan.FromSeconds(2);

    [Setting(
        "presence.waiting_joins",
        "Joins after which presence is to be sent to other servers; after further ones it is not.",
        Least = 1, Most = 1_000_000)]
    public int MaxWaitingJoins { get; init; } = 10_000;

    /// <summary>The times as the core takes them.</summary>
    internal PresenceLimits Limits => new(
        (long)IdleAfter.TotalMilliseconds,
        (long)OfflineAfter.TotalMilliseconds,
        (long)ActiveFor.TotalMilliseconds,
        MaxDevices);
}
