using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>Messages in Spanish.</summary>
internal sealed class Spanish : ILanguage
{
    private const string NotYou = "Si no ha sido usted, no haga nada.";

    public string Code => "es";

    public MailText Mail(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmRegistration => new MailText(
            $"Confirme su dirección para {server}",
            $"Alguien, probablemente usted, está creando una cuenta en {server} con esta dirección.",
            "Confirmar la dirección",
            NotYou),
        MessageKind.ConfirmAddition => new MailText(
            $"Confirme su dirección para {server}",
            message.UserId.Length > 0
                ? $"Alguien, probablemente usted, está añadiendo esta dirección a la cuenta {message.UserId}. "
                    + "Confírmelo solo si es su cuenta."
                : $"Alguien, probablemente usted, está añadiendo esta dirección a una cuenta en {server}. La página "
                    + "del enlace pregunta por el nombre de su cuenta.",
            "Confirmar la dirección",
            NotYou),
        MessageKind.ConfirmPassword => new MailText(
            $"Una contraseña nueva en {server}",
            $"Alguien, probablemente usted, quiere una contraseña nueva para {message.UserId} en {server}. "
                + "Confírmelo solo si acaba de pedirlo usted: quien lo haya pedido podrá elegir la contraseña.",
            "Permitir una contraseña nueva",
            NotYou),
        MessageKind.InUse => new MailText(
            $"Su dirección en {server}",
            $"Alguien, probablemente usted, ha indicado esta dirección para una cuenta en {server}. La cuenta "
                + $"{message.UserId} ya la tiene. Si ha olvidado su contraseña, pida una nueva en su aplicación.",
            "",
            NotYou),
        MessageKind.Unknown => new MailText(
            $"Su dirección en {server}",
            $"Alguien, probablemente usted, quería una contraseña nueva en {server}, pero ninguna cuenta tiene "
                + "allí esta dirección. Pruebe con otra de sus direcciones.",
            "",
            NotYou),
        MessageKind.Added => new MailText(
            $"Su cuenta en {server} tiene una dirección nueva",
            $"{message.About} se ha añadido a su cuenta {message.UserId}.",
            "",
            "Si no ha sido usted, cambie su contraseña y quite la dirección."),
        MessageKind.Removed => new MailText(
            $"Su cuenta en {server} tiene una dirección menos",
            $"{message.About} se ha quitado de su cuenta {message.UserId}.",
            "",
            "Si no ha sido usted, cambie su contraseña."),
        _ => new MailText(
            $"Su contraseña en {server} ha cambiado",
            $"La contraseña de su cuenta {message.UserId} ha cambiado.",
            "",
            "Si no ha sido usted, pida una contraseña nueva con esta dirección y cierre la sesión en todos los "
                + "dispositivos."),
    };

    public string MailCode(string code) =>
        $"El código es {code}. Escríbalo en su aplicación, y no lo dé a nadie más.";

    public string Text(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmPassword =>
            $"{message.Proof} permite una contraseña nueva para {message.UserId}. No lo dé a nadie.",
        MessageKind.InUse =>
            $"Alguien ha indicado este número para una cuenta en {server}. {message.UserId} ya lo tiene.",
        MessageKind.Unknown =>
            $"Alguien quería una contraseña nueva en {server}, pero ninguna cuenta tiene allí este número.",
        _ => $"{message.Proof} es su código para {server}. No lo dé a nadie.",
    };

    public ConfirmationText Page(ValidationPurpose purpose, string server, string? account) => new(
        "Confirme su dirección",
        purpose switch
        {
            ValidationPurpose.Registration => $"Alguien está creando una cuenta en {server} con su dirección.",
            ValidationPurpose.Addition when account is not null =>
                $"Alguien está añadiendo su dirección a la cuenta {account}. Confírmelo solo si es su cuenta.",
            ValidationPurpose.Addition => $"Alguien está añadiendo su dirección a una cuenta en {server}. Escriba el "
                + "nombre de su cuenta: la dirección no podrá añadirse a ninguna otra.",
            _ => $"Alguien quiere una contraseña nueva para {account ?? "su cuenta"} en {server}. Continúe solo si "
                + "acaba de pedirlo usted: quien lo haya pedido podrá elegir la contraseña.",
        },
        "Confirmar",
        "Hecho. Vuelva a su aplicación.",
        "El enlace ya no es válido. Pida otro en su aplicación.",
        "Nombre de su cuenta",
        $"No es un nombre de cuenta en {server}.");
}
