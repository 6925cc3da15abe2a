namespace Matrix.Host.Crypto;

/// <summary>What becomes of a password's hash of Synapse.</summary>
public enum ImportedPasswordKind
{
    /// <summary>The user logs in with the password as before.</summary>
    Usable,

    /// <summary>Its cost is over <see cref="ImportedPasswords.MostCost"/>, so that no login computes it.</summary>
    TooCostly,

    /// <summary>It is no hash by bcrypt.</summary>
    Unknown,
}

/// <summary>The passwords of Synapse's users, of which only the hashes are known.</summary>
public static class ImportedPasswords
{
    /// <summary>
    /// The greatest cost that a login computes, 16 times the usual cost of Synapse (12): some three seconds.
    /// </summary>
    public const int MostCost = 16;

    /// <summary>What becomes of a hash, as Synapse stores it.</summary>
    public static ImportedPasswordKind KindOf(string hash) => BcryptHash.Parse(hash) switch
    {
        null => ImportedPasswordKind.Unknown,
        { Cost: > MostCost } => ImportedPasswordKind.TooCostly,
        _ => ImportedPasswordKind.Usable,
    };

    /// <summary>The form in which a hash of Synapse is stored as a user's.</summary>
    /// <exception cref="ArgumentException">It is no hash by bcrypt.</exception>
    public static string StoredForm(string hash) => KindOf(hash) != ImportedPasswordKind.Unknown
        ? ImportedPassword.Prefix + hash
        : throw new ArgumentException("This is no hash by bcrypt.", nameof(hash));
}
