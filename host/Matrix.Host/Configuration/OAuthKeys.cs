namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of the OAuth 2.0 API.</summary>
    private static ConfigKey[] OAuthKeys() =>
    [
        Key(
            "oauth.enabled", ConfigTypes.Flag, c => c.Users.OAuth.Enabled,
            "Whether clients can sign in by OAuth 2.0, on pages of this server. It needs a public_base_url with https, "
                + "or with http on the loopback interface."),
        OAuthOnly,
        Key(
            "oauth.clients", ConfigTypes.Whole(10, 10_000_000), c => c.Users.OAuth.Clients,
            "Registered clients. Beyond it those without a session are forgotten, the oldest first."),
        Key(
            "oauth.clients_kept", ConfigTypes.Duration, c => c.Users.OAuth.ClientsKept,
            "How long a client without a session is kept. Clients register before each sign-in."),
        Key(
            "oauth.client_bytes", ConfigTypes.FewBytes(1 << 10, 64 << 10), c => c.Users.OAuth.ClientBytes,
            "Bytes of what a client says about itself."),
        Key(
            "oauth.code_lifetime", ConfigTypes.Duration, c => c.Users.OAuth.CodeLifetime,
            "How long a client has to exchange an authorization code for tokens."),
        Key(
            "oauth.codes_of_user", ConfigTypes.Whole(1, 1000), c => c.Users.OAuth.CodesOfUser,
            "Such codes of one user at once; the oldest are dropped."),
        Key(
            "oauth.device_code_lifetime", ConfigTypes.Duration, c => c.Users.OAuth.DeviceCodeLifetime,
            "How long a user has to type the code that a device without a browser shows."),
        Key(
            "oauth.device_codes", ConfigTypes.Whole(10, 10_000_000), c => c.Users.OAuth.DeviceCodes,
            "Devices that wait for their user at once; more are refused."),
        Key(
            "oauth.device_codes_of_address", ConfigTypes.Whole(1, 10_000_000),
            c => c.Users.OAuth.DeviceCodesOfAddress,
            "Those of one address."),
        Key(
            "oauth.poll_interval", ConfigTypes.Duration, c => c.Users.OAuth.PollInterval,
            "How often such a device may ask."),
        Key(
            "oauth.sign_in_lifetime", ConfigTypes.Duration, c => c.Users.OAuth.SignInLifetime,
            "How long a browser stays signed in on this server's pages. A restart signs it out."),
        Key(
            "oauth.sign_ins", ConfigTypes.Whole(10, 10_000_000), c => c.Users.OAuth.SignIns,
            "Browsers that are signed in at once; the oldest are signed out first."),
        Key(
            "oauth.sign_ins_of_user", ConfigTypes.Whole(1, 100_000), c => c.Users.OAuth.SignInsOfUser,
            "Those of one user; the user's oldest are signed out."),
        Key(
            "oauth.reset_lifetime", ConfigTypes.Duration, c => c.Users.OAuth.ResetLifetime,
            "How long a client may replace a user's cross-signing keys after the user confirmed it on a page."),
    ];
}
