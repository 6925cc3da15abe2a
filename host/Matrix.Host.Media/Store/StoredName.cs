using System.Security.Cryptography;

namespace Matrix.Host.Media.Store;

/// <summary>
/// The name of a stored file: the hash of its content, `-`, and what was drawn. No two files ever have one name, so a
/// file that no URI has any more can be deleted at any time. Files of earlier versions are named by the hash alone.
/// </summary>
internal static class StoredName
{
    private const int HashLength = 64;
    private const int DrawnBytes = 8;
    private const int Length = HashLength + 1 + (2 * DrawnBytes);

    /// <summary>A new name for a content.</summary>
    internal static string Draw(string hash) =>
        $"{hash}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(DrawnBytes))}";

    /// <summary>The hash of the content.</summary>
    internal static string HashOf(string name) => name[..HashLength];

    /// <summary>Whether it is the name of a stored file.</summary>
    internal static bool IsValid(string name) => name.Length switch
    {
        HashLength => name.All(char.IsAsciiHexDigitLower),
        Length => name[HashLength] == '-'
            && name.Where((_, at) => at != HashLength).All(char.IsAsciiHexDigitLower),
        _ => false,
    };
}
