using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>How passwords count in Synapse: `password_config`.</summary>
public sealed record PasswordSettings
{
    private const string OnlyForConfirming = "only_for_reauth";

    /// <summary>Whether users log in with passwords.</summary>
    public bool AreForLogin { get; init; }

    /// <summary>Whether users confirm with passwords, such as the deletion of a device.</summary>
    public bool AreForConfirming { get; init; }

    /// <summary>Whether the passwords of Synapse's own database count.</summary>
    public bool AreInDatabase { get; init; }

    /// <summary>Whether the hashes in Synapse's database are good for logging in.</summary>
    public bool AreCarried => AreForLogin && AreInDatabase;

    /// <summary>What is added to each password before it is hashed; null for nothing.</summary>
    public Secret? Pepper { get; init; }

    /// <summary>Whether new passwords must follow the rules below.</summary>
    public bool HasPolicy { get; init; }

    /// <summary>The fewest characters of a new password; null for no bound.</summary>
    public int? ShortestPassword { get; init; }

    internal static PasswordSettings Read(SettingMap root, bool isDelegated)
    {
        var passwords = root.Map("password_config");
        var onlyConfirming = passwords.Find("enabled") is YamlValue.Text { Value: OnlyForConfirming };
        var enabled = onlyConfirming || passwords.Flag("enabled", !isDelegated);
        var policy = passwords.Map("policy");
        var shortest = policy.Whole("minimum_length");
        return new PasswordSettings
        {
            AreForLogin = enabled && !onlyConfirming,
            AreForConfirming = enabled,
            AreInDatabase = passwords.Flag("localdb_enabled", true),
            Pepper = passwords.AnyText("pepper") is { Length: > 0 } pepper ? new Secret(pepper) : null,
            HasPolicy = policy.Flag("enabled", false),
            ShortestPassword = shortest is { } length ? (int)Math.Clamp(length, 0, int.MaxValue) : null,
        };
    }
}
