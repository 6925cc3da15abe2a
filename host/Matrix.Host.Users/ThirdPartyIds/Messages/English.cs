using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>Messages in English.</summary>
internal sealed class English : ILanguage
{
    private const string NotYou = "If it was not you, do nothing.";

    public string Code => "en";

    public MailText Mail(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmRegistration => new MailText(
            $"Confirm your address for {server}",
            $"Somebody, probably you, is creating an account on {server} with this address.",
            "Confirm the address",
            NotYou),
        MessageKind.ConfirmAddition => new MailText(
            $"Confirm your address for {server}",
            message.UserId.Length > 0
                ? $"Somebody, probably you, is adding this address to the account {message.UserId}. Confirm it only "
                    + "if this is your account."
                : $"Somebody, probably you, is adding this address to an account on {server}. The page of the link "
                    + "asks for the name of your account.",
            "Confirm the address",
            NotYou),
        MessageKind.ConfirmPassword => new MailText(
            $"A new password on {server}",
            $"Somebody, probably you, wants a new password for {message.UserId} on {server}. Confirm this only "
                + "if you started it yourself, a moment ago: whoever started it can choose the password then.",
            "Allow a new password",
            NotYou),
        MessageKind.InUse => new MailText(
            $"Your address on {server}",
            $"Somebody, probably you, named this address for an account on {server}. The account "
                + $"{message.UserId} has it already. If you have forgotten its password, ask your application "
                + "for a new one.",
            "",
            NotYou),
        MessageKind.Unknown => new MailText(
            $"Your address on {server}",
            $"Somebody, probably you, wanted a new password on {server}, but no account there has this address. "
                + "Try another of your addresses.",
            "",
            NotYou),
        MessageKind.Added => new MailText(
            $"Your account on {server} has a new address",
            $"{message.About} was added to your account {message.UserId}.",
            "",
            "If it was not you, change your password, and remove the address."),
        MessageKind.Removed => new MailText(
            $"Your account on {server} lost an address",
            $"{message.About} was removed from your account {message.UserId}.",
            "",
            "If it was not you, change your password."),
        _ => new MailText(
            $"Your password on {server} was changed",
            $"The password of your account {message.UserId} was changed.",
            "",
            "If it was not you, ask your application for a new password by this address, and sign out all devices."),
    };

    public string MailCode(string code) =>
        $"The code is {code}. Type it into your application, and give it to nobody else.";

    public string Text(Message message, string server) => message.Kind switch
    {
        MessageKind.ConfirmPassword =>
            $"{message.Proof} allows a new password for {message.UserId}. Give it to nobody.",
        MessageKind.InUse =>
            $"Somebody named this number for an account on {server}. {message.UserId} has it already.",
        MessageKind.Unknown =>
            $"Somebody wanted a new password on {server}, but no account there has this number.",
        _ => $"{message.Proof} is your code for {server}. Give it to nobody.",
    };

    public ConfirmationText Page(ValidationPurpose purpose, string server, string? account) => new(
        "Confirm your address",
        purpose switch
        {
            ValidationPurpose.Registration => $"Somebody is creating an account on {server} with your address.",
            ValidationPurpose.Addition when account is not null =>
                $"Somebody is adding your address to the account {account}. Confirm it only if this is your account.",
            ValidationPurpose.Addition => $"Somebody is adding your address to an account on {server}. Type the name "
                + "of your account: the address can be added to no other.",
            _ => $"Somebody wants a new password for {account ?? "your account"} on {server}. Go on only if you "
                + "started it yourself, a moment ago: whoever started it can choose the password then.",
        },
        "Confirm",
        "Done. Go back to your application.",
        "The link is not valid any more. Ask your application for another.",
        "User name of your account",
        $"This is not a user name on {server}.");
}
