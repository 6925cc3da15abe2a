using Matrix.Host.Parts;
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

    [Setting("registration.enabled", "Whether anyone may register.")]
    public bool RegistrationEnabled { get; init; }

    [Setting("registration.requires_token", "Whether open registration needs a registration token.")]
    public bool RegistrationRequiresToken { get; init; }

    [Setting("registration.requires_email", "Whether registration needs a mail address. The first user needs none.")]
    public bool RegistrationRequiresEmail { get; init; }

    [Setting("registration.requires_phone", "Whether registration needs a phone number. The first user needs none.")]
    public bool RegistrationRequiresPhone { get; init; }

    [Setting(
        "registration.guests",
        "Whether anyone may become a guest: an account without a password, for rooms that admit guests.")]
    public bool GuestsEnabled { get; init; }

    [Setting("registration.most_guests", "The most guests at once.", Least = 1)]
    public int Guests { get; init; } = 10_000;

    [Setting(
        "registration.unused_guests_kept",
        "How long a guest may stay away. Then the account ends, and leaves its rooms.")]
    public TimeSpan UnusedGuestsKept { get; init; } = TimeSpan.FromDays(30);

    [Setting(
        "profiles.shown_to",
        "Who may look a profile up: everyone (without an account too), users (of this server and of others), or "
            + "shared_rooms (users and servers that share a room with the user; users of this server also if the "
            + "user is in a room that everyone may join or read).",
        Words = ["everyone", "users", "shared_rooms"])]
    public ProfileAudience ProfilesShownTo { get; init; }

    [Setting(
        "profiles.remote_time",
        "How long a user's request waits for the profile of another server's user. federation.key_requests "
            + "bounds how many servers are asked at once.")]
    public TimeSpan RemoteProfileTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("profiles.remote_kept", "How long a profile of another server's user is kept.")]
    public TimeSpan RemoteProfilesKept { get; init; } = TimeSpan.FromMinutes(5);

    [Setting(
        "profiles.remote_failures_kept",
        "How long a server that gave no profile of a user is not asked for it again.")]
    public TimeSpan RemoteProfileFailuresKept { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("profiles.remote_cache_bytes", "Memory for profiles of other servers' users.", Most = 4L << 30)]
    public long RemoteProfileCacheBytes { get; init; } = 8 << 20;

    [Setting(
        "profiles.remote_waiting",
        "The most profiles of other servers' users that are looked up or wait for it, of which one user or "
            + "application service has a quarter.",
        Least = 1, Most = 100_000)]
    public int RemoteProfilesWaiting { get; init; } = 1000;

    [Setting(
        "sessions.access_token_lifetime",
        "The lifetime of access tokens of clients that refresh them. Other clients' tokens do not expire.")]
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "sessions.openid_token_lifetime",
        "The lifetime of a token by which a user proves to another service who they are.")]
    public TimeSpan OpenIdTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    [Setting("sessions.login_token_lifetime", "The lifetime of a token that logs another device in.")]
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromMinutes(2);

    [Setting(
        "passwords.shortest",
        "The fewest characters of a password that users choose. Administrators may set shorter ones.",
        Least = 1, Most = 512)]
    public int ShortestPassword { get; init; } = 8;

    [Setting("limits.devices", "Devices of one user; more logins are refused.", Least = 1, Most = 100_000)]
    public int Devices { get; init; } = 1000;

    [Setting(
        "limits.account_data",
        "Pieces of account data of one user, including account data of rooms.",
        Least = 1, Most = 10_000_000)]
    public int AccountData { get; init; } = 10_000;

    [Setting(
        "limits.account_data_bytes",
        "Bytes of this account data, with 200 added to each piece.",
        Least = 64 << 10, Most = 1L << 40)]
    public long AccountDataBytes { get; init; } = 64L << 20;

    [Setting("limits.filters", "Different filters of one user.", Least = 1, Most = 100_000)]
    public int Filters { get; init; } = 1000;

    [Setting(
        "limits.filter_bytes",
        "Bytes of these filters, with 200 added to each.",
        Least = 64 << 10, Most = 1L << 40)]
    public long FilterBytes { get; init; } = 16L << 20;

    [Setting("limits.push_rules", "Push rules of each kind added by one user.", Least = 1, Most = 100_000)]
    public int PushRules { get; init; } = 1000;

    /// <summary>The TURN servers.</summary>
    public TurnOptions Turn { get; init; } = new();

    /// <summary>Sign-ins by QR code.</summary>
    public RendezvousOptions Rendezvous { get; init; } = new();

    /// <summary>Mail addresses and phone numbers of accounts.</summary>
    public ThirdPartyIdOptions ThirdPartyIds { get; init; } = new();

    [Setting(
        "limits.push_rule_bytes",
        "All push rules of one user, the server's included, as JSON.",
        Form = SettingForm.Bytes, Least = 8 << 10, Most = 16 << 20)]
    public int PushRuleBytes { get; init; } = 256 << 10;

    [Setting(
        "limits.pushers",
        "Pushers of one user: addresses at which push gateways reach the user's devices.",
        Least = 1, Most = 10_000)]
    public int Pushers { get; init; } = 100;

    /// <summary>The OAuth 2.0 API.</summary>
    public OAuthOptions OAuth { get; init; } = new();

    /// <summary>Captchas at registration.</summary>
    public CaptchaOptions Captcha { get; init; } = new();

    /// <summary>Identity providers.</summary>
    public SsoOptions Sso { get; init; } = new();

    [Setting(
        "rate_limits.known_logins",
        "Pairs of user and address whose login is remembered; the oldest are dropped first.",
        Least = 1)]
    public int KnownLogins { get; init; } = 100_000;

    [Setting("rate_limits.known_logins_kept", "How long such a login is remembered. A restart forgets it.")]
    public TimeSpan KnownLoginsKept { get; init; } = TimeSpan.FromDays(30);

    [Setting("cache.push_rules", "Users' own push rules.", Least = 64 << 10, Most = 16L << 30)]
    public long PushRuleCacheBytes { get; init; } = 8L * 1024 * 1024;

    [Setting("cache.ignored_users", "Users' lists of ignored users.", Least = 64 << 10, Most = 16L << 30)]
    public long IgnoredCacheBytes { get; init; } = 4L * 1024 * 1024;

    [Setting("cache.tokens", "Access tokens.", Least = 16)]
    public int CachedTokens { get; init; } = 50_000;
}
