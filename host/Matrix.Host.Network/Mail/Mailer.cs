using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;

namespace Matrix.Host.Network.Mail;

/// <summary>A mail with two equivalent bodies.</summary>
/// <param name="To">The address.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">The plain text.</param>
/// <param name="Html">The same as HTML.</param>
/// <param name="Headers">Further headers.</param>
public sealed record OutgoingMail(
    string To, string Subject, string Text, string Html, IReadOnlyList<(string Name, string Value)> Headers);

/// <summary>Sends mail by the operator's SMTP server.</summary>
public sealed class Mailer(MailOptions options)
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
        try
        {
            using var client = new SmtpClient(options.Host, options.Port) { EnableSsl = options.IsEncrypted };
            if (options.User.Length > 0) client.Credentials = new NetworkCredential(options.User, options.Password);
            using var message = MessageOf(mail);
            await client.SendMailAsync(message, time.Token);
            return null;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return $"{options.Host} did not take the mail in time";
        }
        catch (Exception fault) when (fault is SmtpException or FormatException or IOException)
        {
            return fault.GetBaseException().Message;
        }
    }

    private MailMessage MessageOf(OutgoingMail mail)
    {
        var message = new MailMessage
        {
            From = new MailAddress(options.From),
            Subject = mail.Subject,
            SubjectEncoding = Encoding.UTF8,
            Body = mail.Text,
            BodyEncoding = Encoding.UTF8,
        };
        message.To.Add(new MailAddress(mail.To));
        foreach (var (name, value) in mail.Headers) message.Headers.Add(name, value);
        message.AlternateViews.Add(AlternateView.CreateAlternateViewFromString(
            mail.Html, Encoding.UTF8, MediaTypeNames.Text.Html));
        return message;
    }
}
