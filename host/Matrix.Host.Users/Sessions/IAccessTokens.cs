namespace Matrix.Host.Users.Sessions;

/// <summary>What a token turned out to be.</summary>
/// <param name="Caller">Who calls; null if the token is not valid.</param>
/// <param name="SoftLogout">Of a token that is not valid: whether the client may keep its data and log in again.</param>
public readonly record struct TokenLookup(Caller? Caller, bool SoftLogout);

/// <summary>Says whose access token it is. Client-Server API, "Using access tokens".</summary>
public interface IAccessTokens
{
    /// <summary>Looks a token up; in memory where it was used lately.</summary>
    ValueTask<TokenLookup> FindAsync(string token, string address, CancellationToken stop);
}
