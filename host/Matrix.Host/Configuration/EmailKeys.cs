using Matrix.Host.Network.Mail;

namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>Why mail cannot be sent as it is configured.</summary>
    internal static IEnumerable<(ConfigKey Key, string Message)> MistakesOfMail(HomeserverConfig config)
    {
        if (config.Mail is { IsConfigured: true, User.Length: > 0, MayLogIn: false })
        {
            yield return (
                SmtpUser,
                "`email.smtp_user` needs `email.smtp_tls: starttls` or `implicit`, or an `email.smtp_host` on the "
                    + "loopback interface: the password is not sent without encryption");
        }
    }

    /// <summary>The settings of mail.</summary>
    private static ConfigKey[] EmailKeys() =>
    [
        Key(
            "email.smtp_host", ConfigTypes.Text, c => c.Mail.Host,
            "The SMTP server by which mail is sent; \"\" for none: then users cannot have mail."),
        Key("email.smtp_port", ConfigTypes.Whole(1, 65_535), c => c.Mail.Port, "Its port."),
        SmtpUser,
        Key("email.smtp_password", ConfigTypes.Text, c => c.Mail.Password, "The password."),
        Key(
            "email.smtp_tls",
            ConfigTypes.OneOf(
                ("starttls", MailTls.StartTls),
                ("implicit", MailTls.Implicit),
                ("none", MailTls.None),

                // What earlier versions wrote.
                ("true", MailTls.StartTls),
                ("false", MailTls.None)),
            c => c.Mail.Tls,
            "starttls: the connection must change to TLS, or nothing is sent; implicit: it begins with TLS, as on port "
                + "465; none: it is not encrypted. true means starttls, and false none."),
        Key("email.smtp_time", ConfigTypes.TimerDuration, c => c.Mail.Time, "The time for one mail."),
        Key(
            "email.from", ConfigTypes.Text, c => c.Mail.From,
            "The sender's address, such as Chat <noreply@example.org>."),
        Key(
            "email.delay", ConfigTypes.Duration, c => c.Email.Delay,
            "How long a notification waits before it is mailed: most are read on a device until then."),
        Key(
            "email.interval", ConfigTypes.Duration, c => c.Email.Interval,
            "The shortest time between two mails to an address."),
        Key(
            "email.messages", ConfigTypes.Whole(1, 1000), c => c.Email.MaxMessages,
            "Messages in one mail; others are counted."),
        Key("email.mails_at_once", ConfigTypes.Whole(1, 100), c => c.Email.MaxSending, "Mails that are sent at once."),
        Key(
            "email.confirmation_interval", ConfigTypes.Duration, c => c.Email.ConfirmationInterval,
            "The time between the first two mails that ask to confirm an address, for each user and address. Each "
                + "further mail doubles it."),
        Key(
            "email.longest_confirmation_interval", ConfigTypes.Duration, c => c.Email.LongestConfirmationInterval,
            "The longest such time."),
        Key(
            "email.confirmations_tracked", ConfigTypes.Whole(1, 10_000_000), c => c.Email.MaxConfirmations,
            "Users and addresses of which that time is remembered."),
    ];
}
