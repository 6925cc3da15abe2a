namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>What registration with addresses needs and the configuration does not have.</summary>
    internal static IEnumerable<(ConfigKey Key, string Message)> MissingForAddresses(HomeserverConfig config)
    {
        var hasUrl = config.Client.PublicBaseUrl.Length > 0;
        if (config.Users.RegistrationRequiresEmail && !(config.Mail.IsConfigured && hasUrl))
        {
            yield return (
                RegistrationRequiresEmail,
                "`registration.requires_email` needs `email.smtp_host`, `email.from` and `public_base_url`");
        }

        if (config.Users.RegistrationRequiresPhone && !(config.TextMessages.IsConfigured && hasUrl))
        {
            yield return (
                RegistrationRequiresPhone,
                "`registration.requires_phone` needs `text_messages.gateway_url` and `public_base_url`");
        }
    }

    /// <summary>The settings of mail addresses and phone numbers of accounts, and of identity servers.</summary>
    private static ConfigKey[] ThirdPartyIdKeys() =>
    [
        Key(
            "identifiers.tell_known", ConfigTypes.Flag, c => c.Users.ThirdPartyIds.TellsKnown,
            "Whether anyone may learn which addresses and numbers belong to accounts. If not, only their owners do, by "
                + "the messages that they get."),
        Key(
            "identifiers.allowed_addresses", ConfigTypes.AddressPatterns, c => c.Users.ThirdPartyIds.AllowedAddresses,
            "The mail addresses that accounts may have, such as *@example.org; none for all."),
        Key(
            "identifiers.allowed_countries", ConfigTypes.Countries, c => c.Users.ThirdPartyIds.AllowedCountries,
            "The countries whose phone numbers accounts may have, such as DE; none for all."),
        Key(
            "identifiers.next_link_hosts", ConfigTypes.ServerNames, c => c.Users.ThirdPartyIds.NextLinkHosts,
            "The hosts, with a port if it is not the usual one, to which a browser may be sent after an address was "
                + "confirmed, such as those of web clients."),
        Key(
            "identifiers.of_account", ConfigTypes.Whole(1, 1000), c => c.Users.ThirdPartyIds.MostOfUser,
            "Addresses and numbers of one account, and those that are bound at identity servers."),
        Key(
            "identifiers.session_lifetime", ConfigTypes.Duration, c => c.Users.ThirdPartyIds.SessionLifetime,
            "How long a link or code is valid, and a confirmed address can be used."),
        Key(
            "identifiers.sessions", ConfigTypes.Whole(10, 10_000_000), c => c.Users.ThirdPartyIds.Sessions,
            "Addresses that are being confirmed; the oldest are dropped first."),
        Key(
            "identifiers.tries", ConfigTypes.Whole(1, 100), c => c.Users.ThirdPartyIds.Tries,
            "Tries to confirm one of them."),
        Key(
            "identifiers.waiting_messages", ConfigTypes.Whole(1, 1_000_000), c => c.Users.ThirdPartyIds.Queue,
            "Messages that wait to be sent; more are refused."),
        Key(
            "identifiers.messages_at_once", ConfigTypes.Whole(1, 100), c => c.Users.ThirdPartyIds.Sending,
            "Messages that are sent at once."),
        Key(
            "identifiers.send_attempts", ConfigTypes.Whole(1, 100), c => c.Users.ThirdPartyIds.SendAttempts,
            "How often a message is tried."),
        Key(
            "identifiers.send_pause", ConfigTypes.TimerDuration, c => c.Users.ThirdPartyIds.SendPause,
            "The pause after the first failed try; it grows by as much with each."),
        Key(
            "text_messages.gateway_url", ConfigTypes.HttpUrl, c => c.TextMessages.GatewayUrl,
            "The address of a gateway that sends text messages (SMS): each is posted as JSON with `to` (digits with "
                + "the country code), `text` and `language`. \"\" for none: then accounts have no phone numbers."),
        Key(
            "text_messages.gateway_token", ConfigTypes.Text, c => c.TextMessages.GatewayToken,
            "A token that the gateway gets as `Authorization: Bearer`; \"\" for none."),
        Key(
            "text_messages.time", ConfigTypes.TimerDuration, c => c.TextMessages.Time, "The time for one message."),
        Key(
            "text_messages.response_bytes", ConfigTypes.FewBytes(1 << 10, 16 << 20),
            c => c.TextMessages.MaxResponseBytes, "The response of the gateway."),
        Key(
            "identity_servers.allowed", ConfigTypes.ServerPatterns, c => c.IdentityServers.Allowed,
            "The identity servers that users may name, such as vector.im, or * for all; none turns invites by address "
                + "and bindings off."),
        Key(
            "identity_servers.allow_networks", ConfigTypes.Networks, c => c.IdentityServers.AllowNetworks,
            "Networks in which they may be although they are private, such as [10.0.0.0/8]."),
        Key(
            "identity_servers.request_time", ConfigTypes.TimerDuration, c => c.IdentityServers.RequestTime,
            "The time of one request to an identity server."),
        Key(
            "identity_servers.response_bytes", ConfigTypes.FewBytes(1 << 10, 16 << 20),
            c => c.IdentityServers.MaxResponseBytes, "The response of an identity server."),
    ];
}
