using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Matrix.Host.Network.SafeHttp;
using MimeKit;

namespace Matrix.Host.Network.Mail;

/// <summary>A mail with two equivalent bodies.</summary>
/// <param name="To">The address.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">The plain text.</param>
/// <param name="Html">The same as HTML.</param>
/// <param name="Headers">Further headers.</param>
public sealed record OutgoingMail(
    string To, string Subject, string Text, string Html, IReadOnlyList<(string Name, string Value)> Headers);

/// <summary>Sends mail by the operator's SMTP server. MailKit is loaded with the first mail.</summary>
public sealed class Mailer(MailOptions options, CertificateTrust trust)
{
    /// <summary>Whether mail can be sent.</summary>
    public bool IsConfigured => options.IsConfigured;

    /// <summary>The time for one mail.</summary>
    public TimeSpan Time => options.Time;

    /// <summary>Sends a mail; returns why it was not sent.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<string?> SendAsync(OutgoingMail mail, CancellationToken stop)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
        time.CancelAfter(options.Time);
        string? refusal = null;
        try
        {
            using var message = MimeForm.Of(mail, options.From);
            using var client = new SmtpClient
            {
                // Lists of revoked certificates are at addresses that the certificate names.
                CheckCertificateRevocation = false,
                ServerCertificateValidationCallback = (_, certificate, chain, errors) =>
                    (refusal = trust.RefusalOf(certificate as X509Certificate2, chain, errors, options.Host)) is null,
            };
            await ConnectAsync(client, time.Token);
            await client.SendAsync(FormatFor(client, message), message, time.Token);

            // The server has the mail: a connection that ends badly is no reason to send it again, nor does it throw.
            await client.DisconnectAsync(quit: true, time.Token);
            return null;
        }
        catch (Exception fault) when (IsFailure(fault))
        {
            // A handshake that was stopped fails as one that went wrong.
            stop.ThrowIfCancellationRequested();
            return time.IsCancellationRequested
                ? $"{options.Host} did not take the mail in time"
                : $"{options.Host}: {refusal ?? fault.GetBaseException().Message}";
        }
    }

    private static bool IsFailure(Exception fault) =>
        fault is OperationCanceledException or SocketException or IOException or FormatException
            or NotSupportedException or CommandException or ProtocolException or SslHandshakeException
            or AuthenticationException or SaslException or ServiceNotConnectedException
            or ServiceNotAuthenticatedException;

    private async ValueTask ConnectAsync(SmtpClient client, CancellationToken stop)
    {
        var security = options.Tls switch
        {
            MailTls.Implicit => SecureSocketOptions.SslOnConnect,
            MailTls.None => SecureSocketOptions.None,

            // Fails where the server does not offer it, before anything is sent.
            _ => SecureSocketOptions.StartTls,
        };
        await client.ConnectAsync(options.Host, options.Port, security, stop);
        if (options.User.Length == 0) return;
        if (!options.MayLogIn) throw new NotSupportedException("The password is not sent without encryption.");

        // A server that knows this machine by its address may offer no login.
        if (!client.Capabilities.HasFlag(SmtpCapabilities.Authentication)) return;
        await client.AuthenticateAsync(options.User, options.Password, stop);
    }

    /// <summary>
    /// Names before the `@` that are not ASCII need SMTPUTF8 (RFC 6531), at this server and at each after it. Other
    /// mails do without: their domains are in ASCII.
    /// </summary>
    private static FormatOptions FormatFor(SmtpClient client, MimeMessage message)
    {
        if (message.From.Concat(message.To).OfType<MailboxAddress>().All(each => Ascii.IsValid(each.LocalPart)))
        {
            client.Capabilities &= ~SmtpCapabilities.UTF8;
            return FormatOptions.Default;
        }

        if (!client.Capabilities.HasFlag(SmtpCapabilities.UTF8))
        {
            throw new NotSupportedException("The server takes only addresses of ASCII characters.");
        }

        var format = FormatOptions.Default.Clone();
        format.International = true;
        return format;
    }
}
