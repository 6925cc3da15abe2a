using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NSec.Cryptography;

namespace Matrix.Host.Crypto;

/// <summary>
/// The Argon2id hash of a password with its salt and cost, as databases store it:
/// `$argon2id$v=19$m=65536,t=2,p=1$SALT$TAG` in unpadded base64. RFC 9106.
/// </summary>
/// <remarks>This is the form of libsodium's `crypto_pwhash_str`, which NSec does not bind.</remarks>
/// <param name="Kibibytes">Memory of the computation.</param>
/// <param name="Passes">Passes over that memory.</param>
internal sealed record PasswordHash(int Kibibytes, int Passes, byte[] Salt, byte[] Tag)
{
    private const int SaltSize = 16;
    private const int TagSize = 32;
    private const long LeastKibibytes = PasswordHashCost.LeastMemory / 1024;
    private const long MostKibibytes = PasswordHashCost.MostMemory / 1024;

    /// <summary>The hash of a password with a new salt.</summary>
    internal static PasswordHash Of(string password, PasswordHashCost cost)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltSize);
        var tag = Compute(password, salt, cost.Kibibytes, cost.Operations);
        return new PasswordHash(cost.Kibibytes, cost.Operations, salt, tag);
    }

    /// <summary>
    /// Reads a hash; null for another form and for a cost that no setting allows, whose computation could take all
    /// memory.
    /// </summary>
    internal static PasswordHash? Parse(string text)
    {
        if (text.Split('$') is not ["", "argon2id", "v=19", var cost, var salt, var tag]
            || cost.Split(',') is not [['m', '=', .. var memory], ['t', '=', .. var passes], "p=1"]
            || !IsWithin(memory, LeastKibibytes, MostKibibytes, out var kibibytes)
            || !IsWithin(passes, 1, PasswordHashCost.MostOperations, out var operations)
            || !Base64Text.TryDecode(salt, out var saltBytes)
            || saltBytes.Length != SaltSize
            || !Base64Text.TryDecode(tag, out var tagBytes)
            || tagBytes.Length != TagSize)
        {
            return null;
        }

        // One spelling of each hash: no leading zeros, no padding, no bits beyond the bytes.
        var hash = new PasswordHash(kibibytes, operations, saltBytes, tagBytes);
        return hash.ToString() == text ? hash : null;
    }

    /// <summary>Whether this is the hash of a password.</summary>
    internal bool IsOf(string password) =>
        CryptographicOperations.FixedTimeEquals(Compute(password, Salt, Kibibytes, Passes), Tag);

    /// <summary>Whether it was made at this cost.</summary>
    internal bool IsAt(PasswordHashCost cost) => Kibibytes == cost.Kibibytes && Passes == cost.Operations;

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"$argon2id$v=19$m={Kibibytes},t={Passes},p=1${Base64Text.Encode(Salt)}${Base64Text.Encode(Tag)}");

    private static bool IsWithin(string text, long least, long most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number >= least
        && number <= most;

    /// <exception cref="InsufficientMemoryException">The memory of the computation is not free.</exception>
    private static byte[] Compute(string password, byte[] salt, int kibibytes, int passes)
    {
        var parameters = new Argon2Parameters
        {
            DegreeOfParallelism = 1,
            MemorySize = kibibytes,
            NumberOfPasses = passes,
        };
        var secret = Encoding.UTF8.GetBytes(password);
        try
        {
            return new Argon2id(parameters).DeriveBytes(secret, salt, TagSize);
        }
        catch (CryptographicException)
        {
            throw new InsufficientMemoryException("There is not enough memory to hash a password.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
