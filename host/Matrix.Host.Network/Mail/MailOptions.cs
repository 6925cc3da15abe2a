namespace Matrix.Host.Network.Mail;

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

    /// <summary>Whether the connection must change to TLS (STARTTLS).</summary>
    public bool IsEncrypted { get; init; } = true;

    /// <summary>The sender's address, such as `Chat (no reply) &lt;noreply@example.org&gt;`.</summary>
    public string From { get; init; } = "";

    /// <summary>The time for one mail.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether mail can be sent.</summary>
    public bool IsConfigured => Host.Length > 0 && From.Length > 0;
}
