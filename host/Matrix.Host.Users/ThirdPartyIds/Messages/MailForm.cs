using System.Net;
using Matrix.Host.Network.Mail;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>The form of mails to addresses: plain text, and the same as HTML without remote content.</summary>
internal static class MailForm
{
    /// <summary>The mail of a message.</summary>
    internal static OutgoingMail Of(Message message, string server)
    {
        var language = Languages.Of(message.Language);
        var says = language.Mail(message, server);
        var link = message.Proof;
        var text = says.Link.Length == 0
            ? $"{says.Before}\n\n{says.After}\n"
            : $"{says.Before}\n\n{says.Link}:\n{link}\n\n{says.After}\n";
        var anchor = says.Link.Length == 0
            ? ""
            : $"<p><a href=\"{Encode(link)}\">{Encode(says.Link)}</a></p>";
        var html = $"<!DOCTYPE html><html lang=\"{language.Code}\"><head><meta charset=\"utf-8\"></head>"
            + $"<body><p>{Encode(says.Before)}</p>{anchor}<p>{Encode(says.After)}</p></body></html>";
        return new OutgoingMail(
            message.To.Address, says.Subject, text, html, [("Auto-Submitted", "auto-generated")]);
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
