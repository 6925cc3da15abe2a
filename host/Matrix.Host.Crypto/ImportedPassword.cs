using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Crypto.Unicode;

namespace Matrix.Host.Crypto;

/// <summary>
/// A password's hash that Synapse made, stored as `$synapse` and Synapse's own text (`$synapse$2b$12$…`), until a login
/// replaces it. It is bcrypt of the password in NFKC and the pepper, both in UTF-8, cut at 72 bytes.
/// </summary>
internal sealed record ImportedPassword(BcryptHash Hash)
{
    /// <summary>What the stored text begins with; Synapse's text follows, with its `$`.</summary>
    internal const string Prefix = "$synapse";

    /// <summary>Reads a stored hash; null for another form.</summary>
    internal static ImportedPassword? Parse(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) && BcryptHash.Parse(text[Prefix.Length..]) is { } hash
            ? new ImportedPassword(hash)
            : null;

    /// <summary>Whether this is the hash of a password.</summary>
    internal bool IsOf(string password, string pepper)
    {
        var secret = Encoding.UTF8.GetBytes(UnicodeForms.Nfkc(password) + pepper);
        try
        {
            return Hash.IsOf(secret);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
