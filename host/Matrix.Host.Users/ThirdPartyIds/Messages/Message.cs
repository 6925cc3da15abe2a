namespace Matrix.Host.Users.ThirdPartyIds.Messages;

/// <summary>The kinds of messages to addresses.</summary>
internal enum MessageKind
{
    /// <summary>Asks to confirm the address for a new account.</summary>
    ConfirmRegistration,

    /// <summary>Asks to confirm the address for an account that exists.</summary>
    ConfirmAddition,

    /// <summary>Asks to confirm that the owner wants a new password.</summary>
    ConfirmPassword,

    /// <summary>Tells the owner that somebody named the address, which an account has already.</summary>
    InUse,

    /// <summary>Tells the owner that no account has the address.</summary>
    Unknown,

    /// <summary>Tells the user that their account has one more address.</summary>
    Added,

    /// <summary>Tells the user that their account has one address less.</summary>
    Removed,

    /// <summary>Tells the user that their password was changed.</summary>
    PasswordChanged,
}

/// <summary>A message to an address.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="To">The address.</param>
/// <param name="Language">Its language.</param>
internal sealed record Message(MessageKind Kind, ThirdPartyId To, string Language)
{
    /// <summary>The user whose account it is about; empty for none.</summary>
    internal string UserId { get; init; } = "";

    /// <summary>The address that the account has got or lost; empty for none.</summary>
    internal string About { get; init; } = "";

    /// <summary>The link or the code; empty for none.</summary>
    internal string Proof { get; init; } = "";

    /// <summary>Whether the proof is a code.</summary>
    internal bool HasCode { get; init; }

    /// <summary>When it is of no use any more, in milliseconds since the epoch; null for never.</summary>
    internal long? ExpiresAt { get; init; }

    /// <summary>The kind only: the rest is private.</summary>
    public override string ToString() => Kind.ToString();
}

/// <summary>What a mail says.</summary>
/// <param name="Subject">One line.</param>
/// <param name="Before">What comes before the link.</param>
/// <param name="Link">The name of the link; empty if there is none.</param>
/// <param name="After">What comes after it.</param>
internal sealed record MailText(string Subject, string Before, string Link, string After);

/// <summary>What the page of a link says.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Text">What comes before the button.</param>
/// <param name="Button">The button.</param>
/// <param name="Done">What it says afterwards.</param>
/// <param name="Failed">What it says if the link is not valid any more.</param>
/// <param name="Account">The label of the field for the account, where nobody has said which it is.</param>
/// <param name="NoAccount">What it says if that field has no user name of this server.</param>
public sealed record ConfirmationText(
    string Title, string Text, string Button, string Done, string Failed, string Account, string NoAccount);
