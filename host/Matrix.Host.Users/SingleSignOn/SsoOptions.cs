using System.Net;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>Identity providers and the bounds of what is asked of them. Configuration: `sso`.</summary>
public sealed record SsoOptions
{
    /// <summary>The providers, in the order in which clients show them.</summary>
    public IReadOnlyList<SsoProvider> Providers { get; init; } = [];

    /// <summary>Private networks in which providers may be.</summary>
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    /// <summary>Beginnings of the URLs of clients to which a sign-in leads without a question.</summary>
    public IReadOnlyList<string> ClientUrls { get; init; } = [];

    /// <summary>The time for a sign-in at a provider.</summary>
    public TimeSpan AttemptLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The most sign-ins at providers at once; the oldest are dropped first.</summary>
    public int Attempts { get; init; } = 10_000;

    /// <summary>The lifetime of a login token that a sign-in gives a client.</summary>
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How far a provider's clock may be wrong.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long before a confirmation was asked for its sign-in may have been, by the provider's clock: whoever signed
    /// in then did not mean to confirm it.
    /// </summary>
    public TimeSpan AuthTimeTolerance { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time of one request to a provider.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most bytes of a provider's response, and of a token.</summary>
    public int ResponseBytes { get; init; } = 256 << 10;

    /// <summary>How long a provider's metadata and keys are used before they are read again.</summary>
    public TimeSpan MetadataKept { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The least time between two reads of a provider's metadata or keys.</summary>
    public TimeSpan ReadPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most keys of a provider that are used.</summary>
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
/// An identity provider. Client-Server API, "SSO client login/authentication"; OpenID Connect Core 1.0.
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
