namespace Matrix.Host.Users.Sessions;

/// <summary>Tokens that another server gave out.</summary>
public static class ImportedTokens
{
    /// <summary>The hash under which a token is stored; null for text that is too long to be accepted.</summary>
    public static ReadOnlyMemory<byte>? HashOf(string token) =>
        TokenHash.TryOf(token, out var hash) ? (ReadOnlyMemory<byte>?)hash.ToBytes() : null;
}
