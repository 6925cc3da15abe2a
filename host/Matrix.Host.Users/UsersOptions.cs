using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.Rendezvous;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds;
using Matrix.Host.Users.Voip;

namespace Matrix.Host.Users;

/// <summary>This server's name, and the limits of accounts and sessions.</summary>
public sealed record UsersOptions
{
    /// <summary>The server's name: the domain of its users.</summary>
    public required string ServerName { get; init; }

    /// <summary>Names that nobody can register, because the server uses them itself.</summary>
    public IReadOnlyList<string> ReservedNames { get; init; } = [];

    /// <summary>Whether anyone may register.</summary>
    public bool RegistrationEnabled { get; init; }

    /// <summary>Whether registration requires a token.</summary>
    public bool RegistrationRequiresToken { get; init; }

    /// <summary>Whether anyone may become a guest.</summary>
    public bool GuestsEnabled { get; init; }

    /// <summary>The most guests.</summary>
    public int Guests { get; init; } = 10_000;

    /// <summary>The time after which the account of a guest who is not seen ends.</summary>
    public TimeSpan UnusedGuestsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Who may look up profiles.</summary>
    public ProfileAudience ProfilesShownTo { get; init; }

    /// <summary>How long a request waits for the profile of another server's user.</summary>
    public TimeSpan RemoteProfileTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a profile of another server's user is kept.</summary>
    public TimeSpan RemoteProfilesKept { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long it is kept that there is none.</summary>
    public TimeSpan RemoteProfileFailuresKept { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Memory for profiles of other servers' users.</summary>
    public long RemoteProfileCacheBytes { get; init; } = 8 << 20;

    /// <summary>The most profiles of other servers' users that are looked up or wait for it.</summary>
    public int RemoteProfilesWaiting { get; init; } = 1000;

    /// <summary>The lifetime of an access token with a refresh token.</summary>
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The lifetime of a token by which a user proves to another service who they are.</summary>
    public TimeSpan OpenIdTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The lifetime of a login token.</summary>
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The most pairs of user and address that are remembered after a correct password.</summary>
    public int KnownLogins { get; init; } = 100_000;

    /// <summary>The time for which a pair is remembered.</summary>
    public TimeSpan KnownLoginsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The least number of characters of a new password.</summary>
    public int ShortestPassword { get; init; } = 8;

    /// <summary>The most cached access tokens.</summary>
    public int CachedTokens { get; init; } = 50_000;

    /// <summary>The most devices of one user.</summary>
    public int Devices { get; init; } = 1000;

    /// <summary>Bytes of cached push rules.</summary>
    public long PushRuleCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>Bytes of cached lists of ignored users.</summary>
    public long IgnoredCacheBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>The most pieces of account data of one user, those of rooms included.</summary>
    public int AccountData { get; init; } = 10_000;

    /// <summary>The most bytes of it, some added for each piece.</summary>
    public long AccountDataBytes { get; init; } = 64L << 20;

    /// <summary>The TURN servers.</summary>
    public TurnOptions Turn { get; init; } = new();

    /// <summary>Sign-ins by QR code.</summary>
    public RendezvousOptions Rendezvous { get; init; } = new();

    /// <summary>Mail addresses and phone numbers of accounts.</summary>
    public ThirdPartyIdOptions ThirdPartyIds { get; init; } = new();

    /// <summary>Whether registration requires a mail address.</summary>
    public bool RegistrationRequiresEmail { get; init; }

    /// <summary>Whether registration requires a phone number.</summary>
    public bool RegistrationRequiresPhone { get; init; }

    /// <summary>The OAuth 2.0 API.</summary>
    public OAuthOptions OAuth { get; init; } = new();

    /// <summary>Captchas at registration.</summary>
    public CaptchaOptions Captcha { get; init; } = new();

    /// <summary>Identity providers.</summary>
    public SsoOptions Sso { get; init; } = new();

    /// <summary>The most filters of one user.</summary>
    public int Filters { get; init; } = 1000;

    /// <summary>The most bytes of these, some added for each.</summary>
    public long FilterBytes { get; init; } = 16L << 20;

    /// <summary>The most push rules of each kind that one user adds.</summary>
    public int PushRules { get; init; } = 1000;

    /// <summary>The most bytes of one user's push rules as JSON, the server's rules included.</summary>
    public int PushRuleBytes { get; init; } = 256 << 10;

    /// <summary>The most pushers of one user.</summary>
    public int Pushers { get; init; } = 100;
}
