using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>Identity providers and the bounds of what is asked of them. Configuration: `sso`.</summary>
public sealed record SsoOptions
{
    [Setting(
        "sso.providers",
        "Identity providers (OpenID Connect). Each has an id, name, issuer and client_id, a client_secret or "
            + "client_secret_file, and may have an icon (mxc://), brand, scopes, localpart_template, "
            + "display_name_template, links_users and creates_users. It needs a public_base_url with https, or "
            + "with http on the loopback interface.",
        IsSecret = true)]
    public IReadOnlyList<SsoProvider> Providers { get; init; } = [];

    [Setting(
        "sso.client_urls",
        "Beginnings of the URLs of clients to which a sign-in leads without a question, such as "
            + "[\"https://chat.example.org/\"].",
        Form = SettingForm.UrlBeginnings)]
    public IReadOnlyList<string> ClientUrls { get; init; } = [];

    [Setting(
        "sso.allow_networks",
        "Networks in which providers may be although they are private, such as [10.0.0.0/8].")]
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    [Setting("sso.attempt_lifetime", "The time for a sign-in at a provider.")]
    public TimeSpan AttemptLifetime { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "sso.attempts",
        "Sign-ins at providers at once; the oldest are dropped first.",
        Least = 10, Most = 10_000_000)]
    public int Attempts { get; init; } = 10_000;

    [Setting("sso.login_token_lifetime", "How long a client has to use the token that a sign-in gives it.")]
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("sso.clock_skew", "How far a provider's clock may be wrong.")]
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "sso.auth_time_tolerance",
        "How far before its request the sign-in may be that confirms something, by the provider's clock.")]
    public TimeSpan AuthTimeTolerance { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("sso.request_time", "The time of one request to a provider.", Form = SettingForm.Timer)]
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "sso.response_bytes",
        "Bytes of a provider's response, and of a token.",
        Form = SettingForm.Bytes, Least = 16 << 10, Most = 16 << 20)]
    public int ResponseBytes { get; init; } = 256 << 10;

    [Setting("sso.metadata_kept", "How long a provider's metadata and keys are used before they are read again.")]
    public TimeSpan MetadataKept { get; init; } = TimeSpan.FromHours(1);

    [Setting("sso.read_pause", "The least time between two reads of them, such as for a key that is not known.")]
    public TimeSpan ReadPause { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("sso.keys", "Keys of a provider that are used.", Least = 1, Most = 10_000)]
    public int Keys { get; init; } = 50;

    /// <summary>Whether browsers come back without saying from which provider: there is no other one.</summary>
    public bool SharesCallback => Providers.Count == 1;

    /// <summary>The provider with an id; null if there is none.</summary>
    public SsoProvider? Find(string id) => Providers.FirstOrDefault(provider => provider.Id == id);

    /// <summary>Whether a sign-in may lead to a URL without a question.</summary>
    public bool IsKnownClient(string url) => ClientUrls.Any(known =>
        url.StartsWith(known, StringComparison.Ordinal)

        // Otherwise https://chat.example.org would stand for https://chat.example.org.evil.org too.
        && (url.Length == known.Length || known[^1] is '/' or '?' or '#' || url[known.Length] is '/' or '?' or '#'));
}

/// <summary>
/// An identity provider. v1.19 client-server-api#sso-client-loginauthentication; OpenID Connect Core 1.0.
/// </summary>
/// <param name="Id">Its id for clients, which must not change.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Issuer">Its issuer, under which it publishes its metadata.</param>
/// <param name="ClientId">This server's id at the provider.</param>
public sealed record SsoProvider(string Id, string Name, string Issuer, string ClientId)
{
    /// <summary>An mxc URI of its icon; empty for none.</summary>
    public string Icon { get; init; } = "";

    /// <summary>Its brand, as clients know it; empty for none.</summary>
    public string Brand { get; init; } = "";

    /// <summary>This server's secret at the provider; empty for a public client.</summary>
    public string ClientSecret { get; init; } = "";

    /// <summary>The file of that secret; empty for none.</summary>
    public string ClientSecretFile { get; init; } = "";

    /// <summary>What is asked for.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = ["openid", "profile"];

    /// <summary>The name of a new user.</summary>
    public ClaimTemplate Localpart { get; init; } = new("{preferred_username}");

    /// <summary>The display name of a new user.</summary>
    public ClaimTemplate DisplayName { get; init; } = new("{name}");

    /// <summary>Whether someone who is new gets the existing account of that name.</summary>
    public bool LinksUsers { get; init; }

    /// <summary>Whether someone who is new gets a new account.</summary>
    public bool CreatesUsers { get; init; } = true;

    /// <summary>The id only.</summary>
    public override string ToString() => Id;
}
