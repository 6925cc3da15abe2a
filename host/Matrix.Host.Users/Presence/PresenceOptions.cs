using Matrix.Core.Presence;

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
    /// <summary>Who sees it.</summary>
    public PresenceMode Mode { get; init; } = PresenceMode.On;

    /// <summary>A user who did nothing for this long is unavailable. Client-Server API, "Idle timeout".</summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A device that sent no request for this long is offline.</summary>
    public TimeSpan OfflineAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a user is currently active after an activity.</summary>
    public TimeSpan ActiveFor { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most devices of a user that count; the one seen longest ago does not.</summary>
    public int MaxDevices { get; init; } = 16;

    /// <summary>The most users in memory, local ones and others.</summary>
    public int MaxUsers { get; init; } = 100_000;

    /// <summary>The most users on a presence list.</summary>
    public int MaxListed { get; init; } = 200;

    /// <summary>The most bytes of a status message.</summary>
    public int StatusBytes { get; init; } = 512;

    /// <summary>How long changes are gathered before they are shown.</summary>
    public TimeSpan GatherTime { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The most users whose changes are shown at once; others wait for the next time.</summary>
    public int MaxChangesAtOnce { get; init; } = 100;

    /// <summary>The shortest time between two changes of a user that are shown. The latest one is.</summary>
    public TimeSpan ChangeInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A user of another server is offline if their server sends nothing about them for this long.</summary>
    public TimeSpan RemoteFor { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How often other servers get the presence of a user who is not offline, changed or not.</summary>
    public TimeSpan RepeatAfter { get; init; } = TimeSpan.FromMinutes(25);

    /// <summary>The most users of one transaction whose presence is taken from another server.</summary>
    public int MaxReceived { get; init; } = 1000;

    /// <summary>
    /// How long the presence of another server's user is kept who shares no room yet: the join may come after it.
    /// </summary>
    public TimeSpan EarlyFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The most users whose presence is kept so; a tenth of them are of one server.</summary>
    public int MaxEarly { get; init; } = 10_000;

    /// <summary>The most users in one EDU to another server.</summary>
    public int MaxUsersPerEdu { get; init; } = 50;

    /// <summary>The most users whose presence waits for one server; that of others is not sent to it.</summary>
    public int MaxOwed { get; init; } = 1000;

    /// <summary>
    /// How long after a join the presence of users who now share a room is sent: the other server may not know the join
    /// before.
    /// </summary>
    public TimeSpan JoinDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The most joins whose servers are not determined yet; these get no presence beyond that.</summary>
    public int MaxWaitingJoins { get; init; } = 10_000;

    /// <summary>
    /// The most changes that a user who syncs is remembered to have news of; before them the database is read.
    /// </summary>
    public int MaxRemembered { get; init; } = 256;

    /// <summary>The most users in one response, the latest changes first.</summary>
    public int MaxShown { get; init; } = 1000;

    /// <summary>The most users for whom the database is asked, in one response, whether they share a room.</summary>
    public int MaxLookedUp { get; init; } = 500;

    /// <summary>The times as the core takes them.</summary>
    internal PresenceLimits Limits => new(
        (long)IdleAfter.TotalMilliseconds,
        (long)OfflineAfter.TotalMilliseconds,
        (long)ActiveFor.TotalMilliseconds,
        MaxDevices);
}
