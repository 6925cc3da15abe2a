using Matrix.Host.Parts;

namespace Matrix.Host.Outbound.Push;

/// <summary>The limits of mail about notifications.</summary>
public sealed record EmailOptions
{
    [Setting("email.delay", "How long a notification waits before it is mailed: most are read on a device until then.")]
    public TimeSpan Delay { get; init; } = TimeSpan.FromMinutes(10);

    [Setting("email.interval", "The shortest time between two mails to an address.")]
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(1);

    [Setting("email.messages", "Messages in one mail; others are counted.", Least = 1, Most = 1000)]
    public int MaxMessages { get; init; } = 30;

    [Setting("email.mails_at_once", "Mails that are sent at once.", Least = 1, Most = 100)]
    public int MaxSending { get; init; } = 2;

    [Setting(
        "email.confirmation_interval",
        "The time between the first two mails that ask to confirm an address, for each user and address. Each "
            + "further mail doubles it.")]
    public TimeSpan ConfirmationInterval { get; init; } = TimeSpan.FromMinutes(10);

    [Setting("email.longest_confirmation_interval", "The longest such time.")]
    public TimeSpan LongestConfirmationInterval { get; init; } = TimeSpan.FromDays(30);

    [Setting(
        "email.confirmations_tracked",
        "Users and addresses of which that time is remembered.",
        Least = 1, Most = 10_000_000)]
    public int MaxConfirmations { get; init; } = 10_000;

    /// <summary>The address of this server in links; "" if mail cannot be sent.</summary>
    public string BaseUrl { get; init; } = "";

    /// <summary>The server's name.</summary>
    public string ServerName { get; init; } = "";
}
