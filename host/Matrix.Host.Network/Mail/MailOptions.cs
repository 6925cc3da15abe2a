using System.Net;

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
    /// <summary>The name or address of the SMTP server; "" if this server sends no mail.</summary>
    public string Host { get; init; } = "";

    /// <summary>Its port.</summary>
    public int Port { get; init; } = 587;

    /// <summary>The user name; "" for none.</summary>
    public string User { get; init; } = "";

    /// <summary>The password.</summary>
    public string Password { get; init; } = "";

    /// <summary>How the connection is encrypted.</summary>
    public MailTls Tls { get; init; } = MailTls.StartTls;

    /// <summary>The sender's address, such as `Chat (no reply) &lt;noreply@example.org&gt;`.</summary>
    public string From { get; init; } = "";

    /// <summary>The time for one mail.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether mail can be sent.</summary>
    public bool IsConfigured => Host.Length > 0 && From.Length > 0;

    /// <summary>Whether a password may be sent: only over TLS, or to this machine.</summary>
    public bool MayLogIn => Tls != MailTls.None
        || Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));
}
