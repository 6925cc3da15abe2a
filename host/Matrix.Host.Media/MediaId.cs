using System.Buffers;
using System.Security.Cryptography;

namespace Matrix.Host.Media;

/// <summary>The second part of an mxc URI. v1.19 client-server-api#matrix-content-mxc-uris</summary>
public static class MediaId
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private const int Length = 24;

    // As other identifiers. The specification has no bound.
    private const int Longest = 255;

    private static readonly SearchValues<char> _allowed = SearchValues.Create(Letters + "_-");

    /// <summary>Whether it has only the specification's characters, and is not too long.</summary>
    public static bool IsValid(string id) =>
        id.Length is > 0 and <= Longest && !id.AsSpan().ContainsAnyExcept(_allowed);

    /// <summary>A new one that nobody can guess.</summary>
    public static string Create() => RandomNumberGenerator.GetString(Letters, Length);
}
