using Matrix.Host.Parts;

namespace Matrix.Host.Users.OAuth;

/// <summary>Bounds and lifetimes of the OAuth 2.0 API. Configuration: `oauth`.</summary>
public sealed record OAuthOptions
{
    [Setting(
        "oauth.enabled",
        "Whether clients can sign in by OAuth 2.0, on pages of this server. It needs a public_base_url with "
            + "https, or with http on the loopback interface.")]
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

    [Setting(
        "oauth.only",
        "Whether clients can log in and register only so. The endpoints of the legacy API for it answer 404, and "
            + "application services register users without a login. Sessions that are there stay.")]
    public bool Only { get; init; }

    /// <summary>Whether it is the only API to log in and register.</summary>
    public bool IsOnly => Only && IsOn;

    [Setting(
        "oauth.clients",
        "Registered clients. Beyond it those without a session are forgotten, the oldest first.",
        Least = 10, Most = 10_000_000)]
    public int Clients { get; init; } = 10_000;

    [Setting(
        "oauth.clients_kept",
        "How long a client without a session is kept. Clients register before each sign-in.")]
    public TimeSpan ClientsKept { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "oauth.client_bytes",
        "Bytes of what a client says about itself.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 64 << 10)]
    public int ClientBytes { get; init; } = 8 << 10;

    [Setting("oauth.code_lifetime", "How long a client has to exchange an authorization code for tokens.")]
    public TimeSpan CodeLifetime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("oauth.codes_of_user", "Such codes of one user at once; the oldest are dropped.", Least = 1, Most = 1000)]
    public int CodesOfUser { get; init; } = 10;

    [Setting(
        "oauth.device_code_lifetime",
        "How long a user has to type the code that a device without a browser shows.")]
    public TimeSpan DeviceCodeLifetime { get; init; } = TimeSpan.FromMinutes(15);

    [Setting(
        "oauth.device_codes",
        "Devices that wait for their user at once; more are refused.",
        Least = 10, Most = 10_000_000)]
    public int DeviceCodes { get; init; } = 10_000;

    [Setting("oauth.device_codes_of_address", "Those of one address.", Least = 1, Most = 10_000_000)]
    public int DeviceCodesOfAddress { get; init; } = 50;

    [Setting("oauth.poll_interval", "How often such a device may ask.")]
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(5);

    [Setting(
        "oauth.sign_in_lifetime",
        "How long a browser stays signed in on this server's pages. A restart signs it out.")]
    public TimeSpan SignInLifetime { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "oauth.sign_ins",
        "Browsers that are signed in at once; the oldest are signed out first.",
        Least = 10, Most = 10_000_000)]
    public int SignIns { get; init; } = 10_000;

    [Setting(
        "oauth.sign_ins_of_user",
        "Those of one user; the user's oldest are signed out.",
        Least = 1, Most = 100_000)]
    public int SignInsOfUser { get; init; } = 100;

    [Setting(
        "oauth.reset_lifetime",
        "How long a client may replace a user's cross-signing keys after the user confirmed it on a page.")]
    public TimeSpan ResetLifetime { get; init; } = TimeSpan.FromMinutes(10);
}
