namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The rates of requests.</summary>
    private static ConfigKey[] RateLimitKeys() =>
    [
        Key("rate_limits.enabled", ConfigTypes.Flag, c => c.Rates.Enabled, "Whether rates are limited."),
        Key(
            "rate_limits.login_per_second", ConfigTypes.Number, c => c.Rates.Login.PerSecond,
            "Logins, token refreshes and password confirmations, by address, or by user if logged in."),
        Key("rate_limits.login_burst", ConfigTypes.Number, c => c.Rates.Login.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.password_per_second", ConfigTypes.Number, c => c.Rates.Password.PerSecond,
            "Password attempts for one user, from all addresses together where the user has not logged in recently."),
        Key(
            "rate_limits.password_burst", ConfigTypes.Number, c => c.Rates.Password.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.known_login_per_second", ConfigTypes.Number, c => c.Rates.KnownLogin.PerSecond,
            "Password attempts for one user from an address where the user logged in recently; attempts from elsewhere "
                + "do not count."),
        Key(
            "rate_limits.known_login_burst", ConfigTypes.Number, c => c.Rates.KnownLogin.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.attempts_per_second", ConfigTypes.Number, c => c.Rates.Attempts.PerSecond,
            "Attempts at passwords and captchas by one user, or from one address without a token, whomever they are "
                + "about. Those of a user at an address where they logged in recently do not count."),
        Key(
            "rate_limits.attempts_burst", ConfigTypes.Number, c => c.Rates.Attempts.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.known_logins", ConfigTypes.Whole(1), c => c.Users.KnownLogins,
            "Pairs of user and address whose login is remembered; the oldest are dropped first."),
        Key(
            "rate_limits.known_logins_kept", ConfigTypes.Duration, c => c.Users.KnownLoginsKept,
            "How long such a login is remembered. A restart forgets it."),
        Key(
            "rate_limits.registration_per_second", ConfigTypes.Number, c => c.Rates.Registration.PerSecond,
            "Registrations, and checks of user names and registration tokens."),
        Key(
            "rate_limits.registration_burst", ConfigTypes.Number, c => c.Rates.Registration.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.send_per_second", ConfigTypes.Number, c => c.Rates.Send.PerSecond,
            "Messages to rooms and devices, receipts, typing notifications."),
        Key("rate_limits.send_burst", ConfigTypes.Number, c => c.Rates.Send.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.membership_per_second", ConfigTypes.Number, c => c.Rates.Membership.PerSecond,
            "Creating rooms, and changes of memberships: joins, invites, display names and avatars. Each invite of a "
            + "new room counts too."),
        Key(
            "rate_limits.membership_burst", ConfigTypes.Number, c => c.Rates.Membership.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.other_per_second", ConfigTypes.Number, c => c.Rates.Other.PerSecond,
            "Everything else except sync."),
        Key("rate_limits.other_burst", ConfigTypes.Number, c => c.Rates.Other.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.recursion_per_second", ConfigTypes.Number, c => c.Rates.Recursion.PerSecond,
            "Relations with `recurse`."),
        Key(
            "rate_limits.recursion_burst", ConfigTypes.Number, c => c.Rates.Recursion.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.federation_address_per_second", ConfigTypes.Number, c => c.Rates.FederationAddress.PerSecond,
            "Requests of other servers by address, before their signature is checked. Behind a proxy without "
                + "listeners.trust_forwarded_for all servers have one address."),
        Key(
            "rate_limits.federation_address_burst", ConfigTypes.Number, c => c.Rates.FederationAddress.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.federation_server_per_second", ConfigTypes.Number, c => c.Rates.FederationServer.PerSecond,
            "Signed requests of one server."),
        Key(
            "rate_limits.federation_server_burst", ConfigTypes.Number, c => c.Rates.FederationServer.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.server_membership_per_second", ConfigTypes.Number, c => c.Rates.ServerMembership.PerSecond,
            "Joins, invites and knocks of all users of one server."),
        Key(
            "rate_limits.server_membership_burst", ConfigTypes.Number, c => c.Rates.ServerMembership.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.invites_per_second", ConfigTypes.Number, c => c.Rates.Invites.PerSecond,
            "Invites that one server sends one user."),
        Key(
            "rate_limits.invites_burst", ConfigTypes.Number, c => c.Rates.Invites.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.bound_invites_per_second", ConfigTypes.Number, c => c.Rates.BoundInvites.PerSecond,
            "Third-party invites that identity servers report from one address; each report counts as one more. "
                + "Reports are not signed."),
        Key(
            "rate_limits.bound_invites_burst", ConfigTypes.Number, c => c.Rates.BoundInvites.Burst,
            "The burst of the same invites."),
        Key(
            "rate_limits.reports_per_second", ConfigTypes.Number, c => c.Rates.Reports.PerSecond,
            "Reports of events, rooms and users by a user."),
        Key(
            "rate_limits.reports_burst", ConfigTypes.Number, c => c.Rates.Reports.Burst,
            "The burst of the same reports."),
        Key(
            "rate_limits.directories_per_second", ConfigTypes.Number, c => c.Rates.Directories.PerSecond,
            "Searches of the directories of users and of published rooms, by a user, or by address."),
        Key(
            "rate_limits.directories_burst", ConfigTypes.Number, c => c.Rates.Directories.Burst,
            "The burst of the same searches."),
        Key(
            "rate_limits.open_summaries_per_second", ConfigTypes.Number, c => c.Rates.OpenSummaries.PerSecond,
            "Room summaries, published rooms and aliases that other servers are asked for without an access token, "
                + "from one address."),
        Key(
            "rate_limits.open_summaries_burst", ConfigTypes.Number, c => c.Rates.OpenSummaries.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.rendezvous_per_second", ConfigTypes.Number, c => c.Rates.Rendezvous.PerSecond,
            "Requests about sessions for a sign-in by QR code from one address. Both devices ask every second or so."),
        Key(
            "rate_limits.rendezvous_burst", ConfigTypes.Number, c => c.Rates.Rendezvous.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.oauth_clients_per_second", ConfigTypes.Number, c => c.Rates.OAuthClients.PerSecond,
            "Registrations of OAuth clients, and devices that begin a sign-in without a browser, from one address."),
        Key(
            "rate_limits.oauth_clients_burst", ConfigTypes.Number, c => c.Rates.OAuthClients.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.oauth_tokens_per_second", ConfigTypes.Number, c => c.Rates.OAuthTokens.PerSecond,
            "Requests for tokens of OAuth, and revocations, from one address. Each client asks at least once in "
                + "sessions.access_token_lifetime."),
        Key(
            "rate_limits.oauth_tokens_burst", ConfigTypes.Number, c => c.Rates.OAuthTokens.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.user_codes_per_second", ConfigTypes.Number, c => c.Rates.UserCodes.PerSecond,
            "Codes of devices that one user, or browsers at one address, type."),
        Key(
            "rate_limits.user_codes_burst", ConfigTypes.Number, c => c.Rates.UserCodes.Burst,
            "The burst of the same."),
        Key(
            "rate_limits.all_user_codes_per_second", ConfigTypes.Number, c => c.Rates.AllUserCodes.PerSecond,
            "Codes of devices that all users type, right ones included."),
        Key(
            "rate_limits.all_user_codes_burst", ConfigTypes.Number, c => c.Rates.AllUserCodes.Burst,
            "The burst of the same."),
        Key(
            "rate_limits.messages_from_per_second", ConfigTypes.Number, c => c.Rates.MessagesFrom.PerSecond,
            "Mails and text messages that requests from one address cause, to confirm addresses."),
        Key(
            "rate_limits.messages_from_burst", ConfigTypes.Number, c => c.Rates.MessagesFrom.Burst,
            "The burst of the same messages."),
        Key(
            "rate_limits.messages_to_per_second", ConfigTypes.Number, c => c.Rates.MessagesTo.PerSecond,
            "Such messages to one mail address or phone number."),
        Key(
            "rate_limits.messages_to_burst", ConfigTypes.Number, c => c.Rates.MessagesTo.Burst,
            "The burst of the same messages."),
        Key(
            "rate_limits.all_messages_per_second", ConfigTypes.Number, c => c.Rates.AllMessages.PerSecond,
            "Such messages of all requests together."),
        Key(
            "rate_limits.all_messages_burst", ConfigTypes.Number, c => c.Rates.AllMessages.Burst,
            "The burst of the same messages."),
        Key(
            "rate_limits.text_codes_per_second", ConfigTypes.Number, c => c.Rates.TextCodes.PerSecond,
            "Tries of the codes that were sent to one phone number, in all sessions together."),
        Key(
            "rate_limits.text_codes_burst", ConfigTypes.Number, c => c.Rates.TextCodes.Burst,
            "The burst of the same tries."),
        Key(
            "rate_limits.notary_servers_per_second", ConfigTypes.Number, c => c.Rates.NotaryServers.PerSecond,
            "Servers that queries for signing keys from one address name."),
        Key(
            "rate_limits.notary_servers_burst", ConfigTypes.Number, c => c.Rates.NotaryServers.Burst,
            "The burst of the same queries."),
        Key(
            "rate_limits.admin_per_second", ConfigTypes.Number, c => c.Rates.Admin.PerSecond,
            "Requests of an administrator to the administration API."),
        Key(
            "rate_limits.admin_burst", ConfigTypes.Number, c => c.Rates.Admin.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.tracked", ConfigTypes.Whole(100), c => c.Rates.Tracked,
            "Users, servers and addresses counted at once; the least busy are dropped first."),
    ];
}
