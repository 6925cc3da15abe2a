using System.Globalization;
using System.Net;
using System.Text;
using Matrix.Host.Network.Mail;

namespace Matrix.Host.Outbound.Push;

/// <summary>A message in a mail.</summary>
/// <param name="Room">The room's name.</param>
/// <param name="Sender">The sender's display name, or id.</param>
/// <param name="Body">The text; null for what has none or is encrypted.</param>
internal sealed record MailedMessage(string Room, string Sender, string? Body, DateTimeOffset At);

/// <summary>The mails about notifications: plain text, and the same as HTML without remote content.</summary>
internal static class EmailTemplate
{
    private const int MostBody = 300;
    private const int MostLine = 150;

    /// <summary>Asks to confirm an address.</summary>
    internal static OutgoingMail Confirmation(
        string to, string userId, string serverName, string confirm, string unsubscribe)
    {
        var why = $"{userId} asked {serverName} to send notifications to this address.";
        var text = $"{why}\n\nConfirm the address:\n{confirm}\n\n"
            + $"If it was not you, do nothing, or refuse:\n{unsubscribe}\n";
        var html = $"<p>{Encode(why)}</p><p><a href=\"{Encode(confirm)}\">Confirm the address</a></p>"
            + $"<p>If it was not you, do nothing, or <a href=\"{Encode(unsubscribe)}\">refuse</a>.</p>";
        return new OutgoingMail(to, $"Confirm notifications of {serverName}", text, Page(html), Headers(unsubscribe));
    }

    /// <summary>Tells of messages, by room.</summary>
    /// <param name="more">Messages that are not listed.</param>
    internal static OutgoingMail Digest(
        string to, string userId, string serverName, IReadOnlyList<MailedMessage> messages, int more,
        string unsubscribe)
    {
        var text = new StringBuilder();
        var html = new StringBuilder();
        foreach (var room in messages.GroupBy(message => Line(message.Room)))
        {
            text.Append(room.Key).Append('\n');
            html.Append(CultureInfo.InvariantCulture, $"<h2>{Encode(room.Key)}</h2>");
            foreach (var message in room)
            {
                var at = message.At.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
                var sender = Line(message.Sender);
                var body = Short(message.Body ?? "(a message that only your device can show)", MostBody);
                text.Append(CultureInfo.InvariantCulture, $"  {sender} ({at}): {body}\n");
                html.Append(
                    CultureInfo.InvariantCulture,
                    $"<p><b>{Encode(sender)}</b> <small>{at}</small><br>{Encode(body)}</p>");
            }

            text.Append('\n');
        }

        if (more > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"and {more} more\n\n");
            html.Append(CultureInfo.InvariantCulture, $"<p>and {more} more</p>");
        }

        text.Append(CultureInfo.InvariantCulture, $"These are notifications of {userId}. Stop them:\n{unsubscribe}\n");
        html.Append(
            CultureInfo.InvariantCulture,
            $"<p><small>These are notifications of {Encode(userId)}. "
            + $"<a href=\"{Encode(unsubscribe)}\">Stop them</a></small></p>");
        var count = messages.Count + more;
        var subject = count == 1
            ? $"{Line(messages[0].Sender)} in {Line(messages[0].Room)}"
            : string.Create(CultureInfo.InvariantCulture, $"{count} notifications of {serverName}");
        return new OutgoingMail(to, Line(subject), text.ToString(), Page(html.ToString()), Headers(unsubscribe));
    }

    /// <summary>One click ends the mail. RFC 8058.</summary>
    private static (string Name, string Value)[] Headers(string unsubscribe) =>
    [
        ("List-Unsubscribe", $"<{unsubscribe}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
    ];

    private static string Page(string body) =>
        $"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"></head><body>{body}</body></html>";

    private static string Encode(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A short text on one line: neither a header nor a message begins in a name.</summary>
    private static string Line(string text)
    {
        var line = string.Concat(Short(text, MostLine).Select(c => EndsLine(c) ? ' ' : c));
        return line.Trim();
    }

    private static bool EndsLine(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';

    private static string Short(string text, int most) => text.Length > most ? Cut(text, most) : text;

    private static string Cut(string text, int at) =>
        text[..(char.IsHighSurrogate(text[at - 1]) ? at - 1 : at)] + "…";
}
