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
        var (proof, marked) = says.Link.Length == 0 ? ("", "")
            : message.HasCode ? OfCode(language.MailCode(message.Proof))
            : OfLink(says.Link, message.Proof);
        var text = $"{says.Before}\n\n{proof}{says.After}\n";
        var html = $"<!DOCTYPE html><html lang=\"{language.Code}\"><head><meta charset=\"utf-8\"></head>"
            + $"<body><p>{Encode(says.Before)}</p>{marked}<p>{Encode(says.After)}</p></body></html>";
        return new OutgoingMail(
            message.To.Address, says.Subject, text, html, [("Auto-Submitted", "auto-generated")]);
    }

    private static (string Text, string Html) OfCode(string sentence) =>
        ($"{sentence}\n\n", $"<p>{Encode(sentence)}</p>");

    private static (string Text, string Html) OfLink(string name, string link) =>
        ($"{name}:\n{link}\n\n", $"<p><a href=\"{Encode(link)}\">{Encode(name)}</a></p>");

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
