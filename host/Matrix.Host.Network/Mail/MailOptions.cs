using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Network.Mail;

/// <summary>How the connection to the SMTP server is encrypted.</summary>
public enum MailTls
{
    /// <summary>The connection begins in clear text and must change to TLS (STARTTLS).</summary>
    StartTls,

    /// <summary>The connection begins with TLS, as on port 465.</summary>
    Implicit,

    /// <summary>It is not encrypted.</summary>
    None,
}

/// <summary>The server by which mail is sent.</summary>
public sealed record MailOptions
{
    [Setting("email.smtp_host", "The SMTP server by which mail is sent; \"\" for none: then users cannot have mail.")]
    public string Host { get; init; } = "";

    [Setting("email.smtp_port", "Its port.", Least = 1, Most = 65_535)]
    public int Port { get; init; } = 587;

    [Setting(
        "email.smtp_user",
        "The user name; \"\" for none. It needs an encrypted connection, or a server on this machine.")]
    public string User { get; init; } = "";

    [Setting("email.smtp_password", "The password.", IsSecret = true)]
    public string Password { get; init; } = "";

    [Setting(
        "email.smtp_tls",
        "starttls: the connection must change to TLS, or nothing is sent; implicit: it begins with TLS, as on port "
            + "465; none: it is not encrypted. true means starttls, and false none.",
        Words = ["starttls", "implicit", "none"], Synonyms = ["true=starttls", "false=none"])]
    public MailTls Tls { get; init; } = MailTls.StartTls;

    [Setting("email.smtp_time", "The time for one mail.", Form = SettingForm.Timer)]
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("email.from", "The sender's address, such as Chat <noreply@example.org>.")]
    public string From { get; init; } = "";

    /// <summary>Whether mail can be sent.</summary>
    public bool IsConfigured => Host.Length > 0 && From.Length > 0;

    /// <summary>Whether a password may be sent: only over TLS, or to this machine.</summary>
    public bool MayLogIn => Tls != MailTls.None
        || Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));
}
