using Matrix.Host.Crypto;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of registration, sessions and passwords, and who helps users.</summary>
    private static ConfigKey[] AccountKeys() =>
    [
        Key(
            "registration.enabled", ConfigTypes.Flag, c => c.Users.RegistrationEnabled,
            "Whether anyone may register."),
        Key(
            "registration.requires_token", ConfigTypes.Flag, c => c.Users.RegistrationRequiresToken,
            "Whether open registration needs a registration token."),
        RegistrationRequiresEmail,
        RegistrationRequiresPhone,
        Key(
            "registration.shared_secret", ConfigTypes.Text, c => c.Client.RegistrationSharedSecret,
            "A secret for creating accounts, administrators included, by /_synapse/admin/v1/register and `mx user "
                + "create`. \"\" turns both off."),
        Key(
            "registration.guests", ConfigTypes.Flag, c => c.Users.GuestsEnabled,
            "Whether anyone may become a guest: an account without a password, for rooms that admit guests."),
        Key(
            "registration.most_guests", ConfigTypes.Whole(1), c => c.Users.Guests, "The most guests at once."),
        Key(
            "registration.unused_guests_kept", ConfigTypes.Duration, c => c.Users.UnusedGuestsKept,
            "How long a guest may stay away. Then the account ends, and leaves its rooms."),
        Key(
            "support.page", ConfigTypes.HttpUrl, c => c.Client.Support.Page, "A page for users, \"\" for none."),
        Key(
            "support.admin", ConfigTypes.Contacts, c => c.Client.Support.Admin,
            "The server's administrators: user ids and mail addresses."),
        Key(
            "support.security", ConfigTypes.Contacts, c => c.Client.Support.Security,
            "Who is told of security problems: user ids and mail addresses."),
        Key(
            "profiles.shown_to",
            ConfigTypes.OneOf(
                ("everyone", ProfileAudience.Everyone),
                ("users", ProfileAudience.Users),
                ("shared_rooms", ProfileAudience.SharedRooms)),
            c => c.Users.ProfilesShownTo,
            "Who may look a profile up: everyone (without an account too), users (of this server and of others), or "
                + "shared_rooms (users and servers that share a room with the user; users of this server also if the "
                + "user is in a room that everyone may join or read)."),
        Key(
            "profiles.remote_time", ConfigTypes.Duration, c => c.Users.RemoteProfileTime,
            "How long a user's request waits for the profile of another server's user. federation.key_requests bounds "
                + "how many servers are asked at once."),
        Key(
            "profiles.remote_kept", ConfigTypes.Duration, c => c.Users.RemoteProfilesKept,
            "How long a profile of another server's user is kept."),
        Key(
            "profiles.remote_failures_kept", ConfigTypes.Duration, c => c.Users.RemoteProfileFailuresKept,
            "How long a server that gave no profile of a user is not asked for it again."),
        Key(
            "profiles.remote_cache_bytes", ConfigTypes.Bytes(0, 4L << 30), c => c.Users.RemoteProfileCacheBytes,
            "Memory for profiles of other servers' users."),
        Key(
            "profiles.remote_waiting", ConfigTypes.Whole(1, 100_000), c => c.Users.RemoteProfilesWaiting,
            "The most profiles of other servers' users that are looked up or wait for it, of which one user or "
                + "application service has a quarter."),
        Key(
            "reports.refuse_unknown", ConfigTypes.Flag, c => c.Rooms.RefusesUnknownReports,
            "Whether a report of a room or user that this server does not know gets 404. It tells users which rooms "
                + "and users there are."),
        Key(
            "sessions.access_token_lifetime", ConfigTypes.Duration, c => c.Users.AccessTokenLifetime,
            "The lifetime of access tokens of clients that refresh them. Other clients' tokens do not expire."),
        Key(
            "sessions.expired_tokens_kept", ConfigTypes.Duration, c => c.ExpiredTokensKept,
            "How long an expired token gets a soft logout, after which the client keeps its data. Later it is an "
                + "unknown token."),
        Key(
            "sessions.openid_token_lifetime", ConfigTypes.Duration, c => c.Users.OpenIdTokenLifetime,
            "The lifetime of a token by which a user proves to another service who they are."),
        Key(
            "sessions.login_token_lifetime", ConfigTypes.Duration, c => c.Users.LoginTokenLifetime,
            "The lifetime of a token that logs another device in."),
        Key(
            "sessions.interactive_lifetime", ConfigTypes.Duration, c => c.Client.InteractiveLifetime,
            "The time for completing user-interactive authentication, such as confirming with a password."),
        Key(
            "sessions.interactive_at_once", ConfigTypes.Whole(10), c => c.Client.InteractiveSessions,
            "The most such authentications at once, half of them of strangers; the oldest are dropped first."),
        Key(
            "sessions.interactive_of_user", ConfigTypes.Whole(1, 100_000), c => c.Client.InteractiveOfUser,
            "Those of one user; the user's oldest are dropped."),
        Key(
            "passwords.memory", ConfigTypes.Bytes(PasswordHashCost.LeastMemory, PasswordHashCost.MostMemory),
            c => c.PasswordCost.MemoryBytes,
            "Memory of one computation."),
        Key(
            "passwords.operations", ConfigTypes.Whole(1, PasswordHashCost.MostOperations),
            c => c.PasswordCost.Operations,
            "Passes over that memory."),
        Key(
            "passwords.concurrency", ConfigTypes.Whole(1, 256), c => c.PasswordCost.Concurrency,
            "Computations at once."),
        Key(
            "passwords.waiting", ConfigTypes.Whole(0), c => c.PasswordCost.Waiting,
            "The most computations that wait; more logins get an error and may retry."),
        Key(
            "passwords.of_user", ConfigTypes.Whole(1), c => c.PasswordCost.OfUser,
            "The most of them that requests of one user cause at once, those that wait included."),
        Key(
            "passwords.of_address", ConfigTypes.Whole(1), c => c.PasswordCost.OfAddress,
            "The same of one address. Behind a proxy without listeners.trust_forwarded_for all clients have one "
                + "address."),
        Key(
            "passwords.shortest", ConfigTypes.Whole(1, 512), c => c.Users.ShortestPassword,
            "The fewest characters of a password that users choose. Administrators may set shorter ones."),
    ];
}
