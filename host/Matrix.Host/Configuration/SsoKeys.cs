namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of single sign-on, and of what registration asks for.</summary>
    private static ConfigKey[] SsoKeys() =>
    [
        SsoProviders,
        Key(
            "sso.client_urls", ConfigTypes.UrlBeginnings, c => c.Users.Sso.ClientUrls,
            "Beginnings of the URLs of clients to which a sign-in leads without a question, such as "
                + "[\"https://chat.example.org/\"]."),
        Key(
            "sso.allow_networks", ConfigTypes.Networks, c => c.Users.Sso.AllowNetworks,
            "Networks in which providers may be although they are private, such as [10.0.0.0/8]."),
        Key(
            "sso.attempt_lifetime", ConfigTypes.Duration, c => c.Users.Sso.AttemptLifetime,
            "The time for a sign-in at a provider."),
        Key(
            "sso.attempts", ConfigTypes.Whole(10, 10_000_000), c => c.Users.Sso.Attempts,
            "Sign-ins at providers at once; the oldest are dropped first."),
        Key(
            "sso.login_token_lifetime", ConfigTypes.Duration, c => c.Users.Sso.LoginTokenLifetime,
            "How long a client has to use the token that a sign-in gives it."),
        Key(
            "sso.clock_skew", ConfigTypes.Duration, c => c.Users.Sso.ClockSkew,
            "How far a provider's clock may be wrong."),
        Key(
            "sso.auth_time_tolerance", ConfigTypes.Duration, c => c.Users.Sso.AuthTimeTolerance,
            "How far before its request the sign-in may be that confirms something, by the provider's clock."),
        Key(
            "sso.request_time", ConfigTypes.TimerDuration, c => c.Users.Sso.RequestTime,
            "The time of one request to a provider."),
        Key(
            "sso.response_bytes", ConfigTypes.FewBytes(16 << 10, 16 << 20), c => c.Users.Sso.ResponseBytes,
            "Bytes of a provider's response, and of a token."),
        Key(
            "sso.metadata_kept", ConfigTypes.Duration, c => c.Users.Sso.MetadataKept,
            "How long a provider's metadata and keys are used before they are read again."),
        Key(
            "sso.read_pause", ConfigTypes.Duration, c => c.Users.Sso.ReadPause,
            "The least time between two reads of them, such as for a key that is not known."),
        Key(
            "sso.keys", ConfigTypes.Whole(1, 10_000), c => c.Users.Sso.Keys, "Keys of a provider that are used."),
        Key(
            "terms.policies", new PoliciesType { IsObject = true }, c => c.Client.Policies,
            "Policies that new users accept: by their id, each with a version and, by language, a name and url."),
        Key(
            "captcha.public_key", ConfigTypes.Text, c => c.Users.Captcha.PublicKey,
            "The site key of reCAPTCHA v2, or of a service like it. With it and the private key, registration asks for "
                + "a captcha; \"\" turns it off."),
        Key("captcha.private_key", ConfigTypes.Text, c => c.Users.Captcha.PrivateKey, "The secret key."),
        Key(
            "captcha.verify_url", ConfigTypes.HttpUrl, c => c.Users.Captcha.VerifyUrl,
            "Where captchas are checked."),
        Key(
            "captcha.script_url", ConfigTypes.HttpUrl, c => c.Users.Captcha.ScriptUrl,
            "The script that shows captchas on this server's pages."),
        Key(
            "captcha.page_origins", ConfigTypes.Origins, c => c.Users.Captcha.PageOrigins,
            "The origins that this script and its frames come from."),
        Key(
            "captcha.allow_networks", ConfigTypes.Networks, c => c.Users.Captcha.AllowNetworks,
            "Networks in which captcha.verify_url may be although they are private."),
        Key(
            "captcha.request_time", ConfigTypes.TimerDuration, c => c.Users.Captcha.RequestTime,
            "The time of a check."),
        Key(
            "captcha.response_bytes", ConfigTypes.FewBytes(1 << 10, 1 << 20), c => c.Users.Captcha.ResponseBytes,
            "Bytes of its response."),
    ];
}
