namespace Matrix.Host.Users;

/// <summary>Whose users this server has, and every bound of accounts and sessions.</summary>
public sealed record UsersOptions
{
    /// <summary>The server's name: the domain of its users.</summary>
    public required string ServerName { get; init; }

    /// <summary>Whether anyone may make an account.</summary>
    public bool RegistrationEnabled { get; init; }

    /// <summary>Whether, if anyone may, a token is asked for.</summary>
    public bool RegistrationRequiresToken { get; init; }

    /// <summary>How long an access token with a refresh token is good for.</summary>
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a login token is good for.</summary>
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Users and addresses, in pairs, of which a right password is remembered.</summary>
    public int KnownLogins { get; init; } = 100_000;

    /// <summary>How long it is remembered.</summary>
    public TimeSpan KnownLoginsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The fewest characters of a new password.</summary>
    public int ShortestPassword { get; init; } = 8;

    /// <summary>Access tokens whose owners are remembered.</summary>
    public int CachedTokens { get; init; } = 50_000;

    /// <summary>Devices of one user.</summary>
    public int Devices { get; init; } = 1000;

    /// <summary>Bytes of parsed push rules kept in memory.</summary>
    public long PushRuleCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>Pieces of account data of one user, those of rooms included.</summary>
    public int AccountData { get; init; } = 10_000;

    /// <summary>Filters of one user.</summary>
    public int Filters { get; init; } = 1000;

    /// <summary>Push rules that one user adds.</summary>
    public int PushRules { get; init; } = 1000;
}
