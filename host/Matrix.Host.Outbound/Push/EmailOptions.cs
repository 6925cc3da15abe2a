namespace Matrix.Host.Outbound.Push;

/// <summary>The limits of mail about notifications.</summary>
public sealed record EmailOptions
{
    /// <summary>How long a notification waits before it is mailed: most are read on a device until then.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The shortest time between two mails to an address.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The most messages in one mail; a line tells the number of others.</summary>
    public int MaxMessages { get; init; } = 30;

    /// <summary>The most mails that are sent at once.</summary>
    public int MaxSending { get; init; } = 2;

    /// <summary>
    /// The time between the first two mails that ask to confirm, for each user and address. Each further mail doubles
    /// it.
    /// </summary>
    public TimeSpan ConfirmationInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The longest such time.</summary>
    public TimeSpan LongestConfirmationInterval { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Users and addresses of which that time is remembered.</summary>
    public int MaxConfirmations { get; init; } = 10_000;

    /// <summary>The address of this server in links; "" if mail cannot be sent.</summary>
    public string BaseUrl { get; init; } = "";

    /// <summary>The server's name.</summary>
    public string ServerName { get; init; } = "";
}
