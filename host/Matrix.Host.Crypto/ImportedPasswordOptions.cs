using Matrix.Host.Parts;

namespace Matrix.Host.Crypto;

/// <summary>What the passwords of Synapse's users need that its database does not have.</summary>
public sealed record ImportedPasswordOptions
{
    [Setting(
        "passwords.imported_pepper",
        "The secret that Synapse added to passwords (password_config.pepper). It is needed as long as users who came "
            + "from Synapse have not logged in.",
        IsSecret = true)]
    public string Pepper { get; init; } = "";
}
