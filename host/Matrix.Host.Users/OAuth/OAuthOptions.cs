namespace Matrix.Host.Users.OAuth;

/// <summary>Bounds and lifetimes of the OAuth 2.0 API. Configuration: `oauth`.</summary>
public sealed record OAuthOptions
{
    /// <summary>Whether the API is wanted.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The URL at which clients and browsers reach the server; empty if it is not configured.</summary>
    public string PublicBaseUrl { get; init; } = "";

    /// <summary>
    /// Whether the API is there: it needs https, or http on the loopback interface, where nobody listens on the way.
    /// </summary>
    public bool IsOn => Enabled
        && Uri.TryCreate(PublicBaseUrl, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    /// <summary>Whether clients reach the server on the loopback interface only.</summary>
    public bool ListensOnLoopback { get; init; }

    /// <summary>
    /// Whether there are pages to sign in and register: where the API is, and without a URL for browsers on the machine
    /// of a server that listens on loopback.
    /// </summary>
    public bool HasPages => IsOn || (Enabled && PublicBaseUrl.Length == 0 && ListensOnLoopback);

    /// <summary>Whether the legacy API, to log in and register, is not wanted beside it.</summary>
    public bool Only { get; init; }

    /// <summary>Whether it is the only API to log in and register.</summary>
    public bool IsOnly => Only && IsOn;

    /// <summary>The most registered clients.</summary>
    public int Clients { get; init; } = 10_000;

    /// <summary>How long a client without sessions is kept.</summary>
    public TimeSpan ClientsKept { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most bytes of a client's metadata.</summary>
    public int ClientBytes { get; init; } = 8 << 10;

    /// <summary>The lifetime of an authorization code.</summary>
    public TimeSpan CodeLifetime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most authorization codes of one user.</summary>
    public int CodesOfUser { get; init; } = 10;

    /// <summary>The lifetime of a device code and its user code.</summary>
    public TimeSpan DeviceCodeLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The most device codes at once.</summary>
    public int DeviceCodes { get; init; } = 10_000;

    /// <summary>The most device codes of one address at once.</summary>
    public int DeviceCodesOfAddress { get; init; } = 50;

    /// <summary>The least time between two requests with a device code.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a browser stays signed in on this server's pages.</summary>
    public TimeSpan SignInLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The most browsers that are signed in at once.</summary>
    public int SignIns { get; init; } = 10_000;

    /// <summary>The most of them of one user.</summary>
    public int SignInsOfUser { get; init; } = 100;

    /// <summary>How long a client may replace cross-signing keys after the user confirmed it on a page.</summary>
    public TimeSpan ResetLifetime { get; init; } = TimeSpan.FromMinutes(10);
}
