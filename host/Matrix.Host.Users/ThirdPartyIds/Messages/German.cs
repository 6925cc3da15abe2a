using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>Messages in German.</summary>
internal sealed class German : ILanguage
{
    private const string NotYou = "Wenn Sie es nicht waren, tun Sie nichts.";

    public string Code => "de";

    public MailText Mail(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmRegistration => new MailText(
            $"Bestätigen Sie Ihre Adresse für {server}",
            $"Jemand, vermutlich Sie, legt mit dieser Adresse ein Konto auf {server} an.",
            "Adresse bestätigen",
            NotYou),
        MessageKind.ConfirmAddition => new MailText(
            $"Bestätigen Sie Ihre Adresse für {server}",
            message.UserId.Length > 0
                ? $"Jemand, vermutlich Sie, fügt diese Adresse dem Konto {message.UserId} hinzu. Bestätigen Sie das "
                    + "nur, wenn es Ihr Konto ist."
                : $"Jemand, vermutlich Sie, fügt diese Adresse einem Konto auf {server} hinzu. Die Seite des Links "
                    + "fragt nach dem Namen Ihres Kontos.",
            "Adresse bestätigen",
            NotYou),
        MessageKind.ConfirmPassword => new MailText(
            $"Ein neues Passwort auf {server}",
            $"Jemand, vermutlich Sie, möchte ein neues Passwort für {message.UserId} auf {server}. Bestätigen "
                + "Sie das nur, wenn Sie es gerade selbst begonnen haben: Wer es begonnen hat, kann dann das "
                + "Passwort wählen.",
            "Neues Passwort erlauben",
            NotYou),
        MessageKind.InUse => new MailText(
            $"Ihre Adresse auf {server}",
            $"Jemand, vermutlich Sie, hat diese Adresse für ein Konto auf {server} angegeben. Das Konto "
                + $"{message.UserId} hat sie bereits. Wenn Sie dessen Passwort vergessen haben, lassen Sie sich "
                + "von Ihrer Anwendung ein neues geben.",
            "",
            NotYou),
        MessageKind.Unknown => new MailText(
            $"Ihre Adresse auf {server}",
            $"Jemand, vermutlich Sie, wollte ein neues Passwort auf {server}, aber kein Konto dort hat diese "
                + "Adresse. Versuchen Sie es mit einer anderen Adresse.",
            "",
            NotYou),
        MessageKind.Added => new MailText(
            $"Ihr Konto auf {server} hat eine neue Adresse",
            $"{message.About} wurde Ihrem Konto {message.UserId} hinzugefügt.",
            "",
            "Wenn Sie es nicht waren, ändern Sie Ihr Passwort, und entfernen Sie die Adresse."),
        MessageKind.Removed => new MailText(
            $"Ihr Konto auf {server} hat eine Adresse weniger",
            $"{message.About} wurde von Ihrem Konto {message.UserId} entfernt.",
            "",
            "Wenn Sie es nicht waren, ändern Sie Ihr Passwort."),
        _ => new MailText(
            $"Ihr Passwort auf {server} wurde geändert",
            $"Das Passwort Ihres Kontos {message.UserId} wurde geändert.",
            "",
            "Wenn Sie es nicht waren, lassen Sie sich mit dieser Adresse ein neues Passwort geben, und melden "
                + "Sie alle Geräte ab."),
    };

    public string MailCode(string code) =>
        $"Der Code ist {code}. Geben Sie ihn in Ihrer Anwendung ein, und sonst niemandem.";

    public string Text(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmPassword =>
            $"{message.Proof} erlaubt ein neues Passwort für {message.UserId}. Geben Sie den Code niemandem.",
        MessageKind.InUse =>
            $"Jemand hat diese Nummer für ein Konto auf {server} angegeben. {message.UserId} hat sie bereits.",
        MessageKind.Unknown =>
            $"Jemand wollte ein neues Passwort auf {server}, aber kein Konto dort hat diese Nummer.",
        _ => $"{message.Proof} ist Ihr Code für {server}. Geben Sie ihn niemandem.",
    };

    public ConfirmationText Page(ValidationPurpose purpose, string server, string? account) => new(
        "Adresse bestätigen",
        purpose switch
        {
            ValidationPurpose.Registration => $"Jemand legt mit Ihrer Adresse ein Konto auf {server} an.",
            ValidationPurpose.Addition when account is not null =>
                $"Jemand fügt Ihre Adresse dem Konto {account} hinzu. Bestätigen Sie das nur, wenn es Ihr Konto ist.",
            ValidationPurpose.Addition => $"Jemand fügt Ihre Adresse einem Konto auf {server} hinzu. Geben Sie den "
                + "Namen Ihres Kontos ein: Die Adresse kann keinem anderen hinzugefügt werden.",
            _ => $"Jemand möchte ein neues Passwort für {account ?? "Ihr Konto"} auf {server}. Fahren Sie nur fort, "
                + "wenn Sie es gerade selbst begonnen haben: Wer es begonnen hat, kann dann das Passwort wählen.",
        },
        "Bestätigen",
        "Fertig. Kehren Sie zu Ihrer Anwendung zurück.",
        "Der Link ist nicht mehr gültig. Lassen Sie sich von Ihrer Anwendung einen neuen schicken.",
        "Name Ihres Kontos",
        $"Das ist kein Name eines Kontos auf {server}.");
}
