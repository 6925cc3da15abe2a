using System.Net.Mail;
using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace Matrix.Host.Network.Mail;

/// <summary>Mail as MIME: plain text, and the same as HTML.</summary>
internal static class MimeForm
{
    /// <summary>The message of a mail.</summary>
    /// <exception cref="FormatException">An address cannot be read.</exception>
    internal static MimeMessage Of(OutgoingMail mail, string from)
    {
        var sender = MailboxOf(from);
        var message = new MimeMessage
        {
            Subject = mail.Subject,

            // The library's own has the name of this machine.
            MessageId = MimeUtils.GenerateMessageId(sender.Domain),
            Body = new MultipartAlternative
            {
                new TextPart("plain") { Text = mail.Text },
                new TextPart("html") { Text = mail.Html },
            },
        };
        message.From.Add(sender);
        message.To.Add(MailboxOf(mail.To));
        foreach (var (name, value) in mail.Headers) message.Headers.Add(name, value);
        return message;
    }

    /// <summary>
    /// An address, with or without a display name. It is read as <see cref="MailAddresses.IsAddress"/> reads it.
    /// </summary>
    private static MailboxAddress MailboxOf(string text)
    {
        var address = new MailAddress(text);
        return new MailboxAddress(Encoding.UTF8, address.DisplayName, MailAddresses.Canonical(address.Address));
    }
}
