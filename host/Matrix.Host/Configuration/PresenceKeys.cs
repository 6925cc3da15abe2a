using Matrix.Host.Users.Presence;

namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of presence.</summary>
    private static ConfigKey[] PresenceKeys() =>
    [
        Key(
            "presence.mode",
            ConfigTypes.OneOf(("on", PresenceMode.On), ("local", PresenceMode.Local), ("off", PresenceMode.Off)),
            c => c.Presence.Mode,
            "Who sees the presence of users: on (all who share a room, and users of other servers are shown here), "
                + "local (local users who share a room), or off (nobody)."),
        Key(
            "presence.idle_after", ConfigTypes.TimerDuration, c => c.Presence.IdleAfter,
            "A user who did nothing for this long is unavailable."),
        Key(
            "presence.offline_after", ConfigTypes.TimerDuration, c => c.Presence.OfflineAfter,
            "A device that sent no request for this long is offline."),
        Key(
            "presence.active_for", ConfigTypes.TimerDuration, c => c.Presence.ActiveFor,
            "How long a user is currently active after an activity."),
        Key(
            "presence.devices", ConfigTypes.Whole(1, 1000), c => c.Presence.MaxDevices,
            "Devices of a user whose presence counts; the one seen longest ago does not."),
        Key(
            "presence.users", ConfigTypes.Whole(10), c => c.Presence.MaxUsers,
            "Users in memory, local ones and others; some 500 bytes each. Further ones are shown as offline."),
        Key(
            "presence.status_bytes", ConfigTypes.FewBytes(16, 64 << 10), c => c.Presence.StatusBytes,
            "A status message. Longer ones of other servers' users are not shown."),
        Key(
            "presence.gather_time", ConfigTypes.TimerDuration, c => c.Presence.GatherTime,
            "How long changes are gathered before they are shown."),
        Key(
            "presence.changes_at_once", ConfigTypes.Whole(1, 100_000), c => c.Presence.MaxChangesAtOnce,
            "Users whose changes are shown at once; others wait for the next time."),
        Key(
            "presence.change_interval", ConfigTypes.TimerDuration, c => c.Presence.ChangeInterval,
            "The shortest time between two changes of one user that are shown; the latest one is."),
        Key(
            "presence.remembered_changes", ConfigTypes.Whole(1, 100_000), c => c.Presence.MaxRemembered,
            "Changes that each user who syncs is remembered to have news of; before them the database is read."),
        Key(
            "presence.shown_users", ConfigTypes.Whole(1, 100_000), c => c.Presence.MaxShown,
            "Users in one response, the latest changes first."),
        Key(
            "presence.looked_up_users", ConfigTypes.Whole(1, 100_000), c => c.Presence.MaxLookedUp,
            "Users for whom the database is asked, in one response, whether they share a room."),
        Key(
            "presence.remote_for", ConfigTypes.TimerDuration, c => c.Presence.RemoteFor,
            "A user of another server is offline if that server sends nothing about them for this long."),
        Key(
            "presence.repeat_after", ConfigTypes.TimerDuration, c => c.Presence.RepeatAfter,
            "How often other servers get the presence of a user who is not offline, changed or not."),
        Key(
            "presence.received_users", ConfigTypes.Whole(1, 100_000), c => c.Presence.MaxReceived,
            "Users of one transaction whose presence is taken from another server."),
        Key(
            "presence.early_for", ConfigTypes.TimerDuration, c => c.Presence.EarlyFor,
            "How long the presence of another server's user is kept who shares no room yet: the join may come after "
                + "it."),
        Key(
            "presence.early_users", ConfigTypes.Whole(10, 1_000_000), c => c.Presence.MaxEarly,
            "Users whose presence is kept so, at most a tenth of them of one server."),
        Key(
            "presence.users_of_edu", ConfigTypes.Whole(1, 1000), c => c.Presence.MaxUsersPerEdu,
            "Users in one EDU to another server."),
        Key(
            "presence.owed_users", ConfigTypes.Whole(1, 1_000_000), c => c.Presence.MaxOwed,
            "Users whose presence waits for one server; that of further ones is not sent."),
        Key(
            "presence.join_delay", ConfigTypes.TimerDuration, c => c.Presence.JoinDelay,
            "How long after a join the presence of users who now share a room is sent to the other server, which may "
                + "not know the join before."),
        Key(
            "presence.waiting_joins", ConfigTypes.Whole(1, 1_000_000), c => c.Presence.MaxWaitingJoins,
            "Joins after which presence is to be sent to other servers; after further ones it is not."),
    ];
}
