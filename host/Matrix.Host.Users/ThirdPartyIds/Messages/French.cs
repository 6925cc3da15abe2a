using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>Messages in French.</summary>
internal sealed class French : ILanguage
{
    private const string NotYou = "Si ce n’était pas vous, ne faites rien.";

    public string Code => "fr";

    public MailText Mail(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmRegistration => new MailText(
            $"Confirmez votre adresse pour {server}",
            $"Quelqu’un, sans doute vous, crée un compte sur {server} avec cette adresse.",
            "Confirmer l’adresse",
            NotYou),
        MessageKind.ConfirmAddition => new MailText(
            $"Confirmez votre adresse pour {server}",
            message.UserId.Length > 0
                ? $"Quelqu’un, sans doute vous, ajoute cette adresse au compte {message.UserId}. Ne confirmez que si "
                    + "c’est votre compte."
                : $"Quelqu’un, sans doute vous, ajoute cette adresse à un compte sur {server}. La page du lien "
                    + "demande le nom de votre compte.",
            "Confirmer l’adresse",
            NotYou),
        MessageKind.ConfirmPassword => new MailText(
            $"Un nouveau mot de passe sur {server}",
            $"Quelqu’un, sans doute vous, veut un nouveau mot de passe pour {message.UserId} sur {server}. Ne "
                + "confirmez que si vous venez de le demander vous-même : la personne qui l’a demandé pourra "
                + "alors choisir le mot de passe.",
            "Autoriser un nouveau mot de passe",
            NotYou),
        MessageKind.InUse => new MailText(
            $"Votre adresse sur {server}",
            $"Quelqu’un, sans doute vous, a indiqué cette adresse pour un compte sur {server}. Le compte "
                + $"{message.UserId} l’a déjà. Si vous avez oublié son mot de passe, demandez-en un nouveau "
                + "dans votre application.",
            "",
            NotYou),
        MessageKind.Unknown => new MailText(
            $"Votre adresse sur {server}",
            $"Quelqu’un, sans doute vous, voulait un nouveau mot de passe sur {server}, mais aucun compte n’y a "
                + "cette adresse. Essayez une autre de vos adresses.",
            "",
            NotYou),
        MessageKind.Added => new MailText(
            $"Votre compte sur {server} a une nouvelle adresse",
            $"{message.About} a été ajouté à votre compte {message.UserId}.",
            "",
            "Si ce n’était pas vous, changez votre mot de passe et retirez l’adresse."),
        MessageKind.Removed => new MailText(
            $"Votre compte sur {server} a une adresse de moins",
            $"{message.About} a été retiré de votre compte {message.UserId}.",
            "",
            "Si ce n’était pas vous, changez votre mot de passe."),
        _ => new MailText(
            $"Votre mot de passe sur {server} a été changé",
            $"Le mot de passe de votre compte {message.UserId} a été changé.",
            "",
            "Si ce n’était pas vous, demandez un nouveau mot de passe avec cette adresse, et déconnectez tous "
                + "les appareils."),
    };

    public string MailCode(string code) =>
        $"Le code est {code}. Saisissez-le dans votre application, et ne le donnez à personne d’autre.";

    public string Text(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmPassword =>
            $"{message.Proof} autorise un nouveau mot de passe pour {message.UserId}. Ne le donnez à personne.",
        MessageKind.InUse =>
            $"Quelqu’un a indiqué ce numéro pour un compte sur {server}. {message.UserId} l’a déjà.",
        MessageKind.Unknown =>
            $"Quelqu’un voulait un nouveau mot de passe sur {server}, mais aucun compte n’y a ce numéro.",
        _ => $"{message.Proof} est votre code pour {server}. Ne le donnez à personne.",
    };

    public ConfirmationText Page(ValidationPurpose purpose, string server, string? account) => new(
        "Confirmez votre adresse",
        purpose switch
        {
            ValidationPurpose.Registration => $"Quelqu’un crée un compte sur {server} avec votre adresse.",
            ValidationPurpose.Addition when account is not null =>
                $"Quelqu’un ajoute votre adresse au compte {account}. Ne confirmez que si c’est votre compte.",
            ValidationPurpose.Addition => $"Quelqu’un ajoute votre adresse à un compte sur {server}. Saisissez le nom "
                + "de votre compte : l’adresse ne pourra être ajoutée à aucun autre.",
            _ => $"Quelqu’un veut un nouveau mot de passe pour {account ?? "votre compte"} sur {server}. Ne continuez "
                + "que si vous venez de le demander vous-même : la personne qui l’a demandé pourra alors choisir le "
                + "mot de passe.",
        },
        "Confirmer",
        "C’est fait. Retournez à votre application.",
        "Le lien n’est plus valable. Demandez-en un autre dans votre application.",
        "Nom de votre compte",
        $"Ce n’est pas un nom de compte sur {server}.");
}
