using Matrix.Host.Parts;

namespace Matrix.Host.Api.Http;

/// <summary>Bounds of requests. Configuration: `limits`.</summary>
public sealed record HttpOptions
{
    [Setting(
        "listeners.trust_forwarded_for",
        "Whether a proxy puts the client's address at the end of X-Forwarded-For. Set it only if clients cannot "
            + "bypass the proxy.")]
    public bool TrustForwardedFor { get; init; }

    [Setting(
        "limits.body",
        "The body of any request not named below.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 64 << 20)]
    public int Body { get; init; } = 64 << 10;

    [Setting(
        "limits.event_body",
        "The body of an event or of account data. An event may have 64 KiB, to which escapes and whitespace of "
            + "the body do not count.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 64 << 20)]
    public int EventBody { get; init; } = 256 << 10;

    [Setting(
        "limits.large_body",
        "The body of an upload of keys, of messages to devices, or of a room's creation.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 256 << 20)]
    public int LargeBody { get; init; } = 2 << 20;

    [Setting(
        "limits.client_bodies",
        "Memory that clients' bodies of more than 16 KiB take at once, at eight times their bytes: what they "
            + "become when they are read. One user, application service, or address without a token has an "
            + "eighth, and no more than is left for others. Further requests of the same caller wait.",
        Least = 8 << 20, Most = 64L << 30)]
    public long ClientBodies { get; init; } = 128 << 20;

    [Setting(
        "limits.client_responses",
        "Memory that large responses to clients take at once, shared in the same way.",
        Least = 16 << 20, Most = 64L << 30)]
    public long ClientResponses { get; init; } = 256 << 20;

    [Setting(
        "limits.large_response",
        "Memory that is reserved for one large response, such as a sync, a page of events or a state, while it "
            + "is written and read by the client. It is written in steps, so a response may be larger.",
        Form = SettingForm.Bytes, Least = 1 << 20, Most = 1 << 30)]
    public int LargeResponse { get; init; } = 4 << 20;

    [Setting(
        "limits.memory_wait",
        "The time that a request waits for such memory. Then an incremental sync gets an empty response with its "
            + "own token, and other requests get 429.")]
    public TimeSpan MemoryWait { get; init; } = TimeSpan.FromSeconds(30);

    [Setting(
        "limits.waiting_requests",
        "Requests of one caller that wait for such memory; more get that answer at once.",
        Least = 1, Most = 100_000)]
    public int WaitingRequests { get; init; } = 200;

    [Setting(
        "limits.client_rate",
        "Bytes a second at which a client must send a body and read a response, after ten seconds.",
        Form = SettingForm.Bytes, Least = 1, Most = 1 << 30)]
    public int ClientRate { get; init; } = 1 << 10;

    [Setting(
        "limits.transaction_body",
        "The body of another server's transaction, which has up to 50 events of 64 KiB and 100 other units.",
        Form = SettingForm.Bytes, Least = 4 << 20, Most = 256 << 20)]
    public int TransactionBody { get; init; } = 16 << 20;

    [Setting(
        "limits.federation_bodies",
        "Memory that other servers' bodies take at once, by an estimate of what each becomes when it is read: "
            + "more than its bytes. One address has a quarter. More requests are refused, and sent again later.",
        Least = 16 << 20, Most = 64L << 30)]
    public long FederationBodies { get; init; } = 512 << 20;

    [Setting("limits.federation_key_time", "The time that a request of another server waits for that server's keys.")]
    public TimeSpan FederationKeyTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("limits.federation_body_time", "The time in which another server's body must arrive.")]
    public TimeSpan FederationBodyTime { get; init; } = TimeSpan.FromMinutes(2);

    [Setting(
        "limits.federation_body_rate",
        "Bytes a second at which another server's body must arrive.",
        Form = SettingForm.Bytes, Least = 1, Most = 1 << 30)]
    public int FederationBodyRate { get; init; } = 8 << 10;

    [Setting(
        "limits.federation_responses",
        "Bytes of responses to other servers that are held at once until they are sent, such as states. Several "
            + "to one server have a quarter. More requests get 429.",
        Least = 16 << 20, Most = 64L << 30)]
    public long FederationResponses { get; init; } = 512 << 20;

    [Setting(
        "limits.federation_response_rate",
        "Bytes a second at which another server must read a response.",
        Form = SettingForm.Bytes, Least = 1, Most = 1 << 30)]
    public int FederationResponseRate { get; init; } = 8 << 10;

    [Setting("limits.federation_response_time", "The time in which another server must read a response.")]
    public TimeSpan FederationResponseTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The bytes of a limit.</summary>
    public int BytesOf(BodyLimit limit) => limit switch
    {
        BodyLimit.Event => EventBody,
        BodyLimit.Large => LargeBody,
        BodyLimit.Transaction => TransactionBody,
        _ => Body,
    };
}

/// <summary>The rate of a class.</summary>
/// <param name="PerSecond">Requests a second in the long run.</param>
/// <param name="Burst">Requests at once after a pause.</param>
public readonly record struct Rate(double PerSecond, double Burst);

/// <summary>Rates by class. Configuration: `rate_limits`.</summary>
public sealed record RateLimitOptions
{
    [Setting("rate_limits.enabled", "Whether rates are limited.")]
    public bool Enabled { get; init; } = true;

    [RateSetting(
        "rate_limits.login",
        "Logins, token refreshes and password confirmations, by address, or by user if logged in.")]
    public Rate Login { get; init; } = new(0.5, 20);

    [RateSetting(
        "rate_limits.password",
        "Password attempts for one user, from all addresses together where the user has not logged in recently.")]
    public Rate Password { get; init; } = new(0.5, 20);

    [RateSetting(
        "rate_limits.known_login",
        "Password attempts for one user from an address where the user logged in recently; attempts from "
            + "elsewhere do not count.")]
    public Rate KnownLogin { get; init; } = new(0.5, 20);

    [RateSetting(
        "rate_limits.attempts",
        "Attempts at passwords and captchas by one user, or from one address without a token, whomever they are "
            + "about. Those of a user at an address where they logged in recently do not count.")]
    public Rate Attempts { get; init; } = new(0.5, 20);

    [RateSetting("rate_limits.registration", "Registrations, and checks of user names and registration tokens.")]
    public Rate Registration { get; init; } = new(0.2, 10);

    [RateSetting("rate_limits.send", "Messages to rooms and devices, receipts, typing notifications.")]
    public Rate Send { get; init; } = new(20, 200);

    [RateSetting(
        "rate_limits.membership",
        "Creating rooms, and changes of memberships: joins, invites, display names and avatars. Each invite of a "
            + "new room counts too.")]
    public Rate Membership { get; init; } = new(2, 50);

    [RateSetting("rate_limits.other", "Everything else except sync.")]
    public Rate Other { get; init; } = new(100, 500);

    [RateSetting("rate_limits.recursion", "Relations with `recurse`.")]
    public Rate Recursion { get; init; } = new(5, 50);

    [RateSetting(
        "rate_limits.federation_address",
        "Requests of other servers by address, before their signature is checked. Behind a proxy without "
            + "listeners.trust_forwarded_for all servers have one address.")]
    public Rate FederationAddress { get; init; } = new(200, 2000);

    [RateSetting("rate_limits.federation_server", "Signed requests of one server.")]
    public Rate FederationServer { get; init; } = new(100, 1000);

    [RateSetting("rate_limits.server_membership", "Joins, invites and knocks of all users of one server.")]
    public Rate ServerMembership { get; init; } = new(10, 200);

    [RateSetting("rate_limits.invites", "Invites that one server sends one user.")]
    public Rate Invites { get; init; } = new(0.02, 20);

    [RateSetting(
        "rate_limits.bound_invites",
        "Third-party invites that identity servers report from one address; each report counts as one more. "
            + "Reports are not signed.")]
    public Rate BoundInvites { get; init; } = new(0.2, 20);

    [RateSetting("rate_limits.reports", "Reports of events, rooms and users by a user.")]
    public Rate Reports { get; init; } = new(0.1, 20);

    [RateSetting(
        "rate_limits.directories",
        "Searches of the directories of users and of published rooms, by a user, or by address.")]
    public Rate Directories { get; init; } = new(2, 60);

    [RateSetting(
        "rate_limits.open_summaries",
        "Room summaries, published rooms and aliases that other servers are asked for without an access token, "
            + "from one address.")]
    public Rate OpenSummaries { get; init; } = new(0.2, 10);

    [RateSetting(
        "rate_limits.rendezvous",
        "Requests about sessions for a sign-in by QR code from one address. Both devices ask every second or so.")]
    public Rate Rendezvous { get; init; } = new(10, 100);

    [RateSetting(
        "rate_limits.oauth_clients",
        "Registrations of OAuth clients, and devices that begin a sign-in without a browser, from one address.")]
    public Rate OAuthClients { get; init; } = new(0.2, 30);

    [RateSetting(
        "rate_limits.oauth_tokens",
        "Requests for tokens of OAuth, and revocations, from one address. Each client asks at least once in "
            + "sessions.access_token_lifetime.")]
    public Rate OAuthTokens { get; init; } = new(5, 100);

    [RateSetting("rate_limits.user_codes", "Codes of devices that one user, or browsers at one address, type.")]
    public Rate UserCodes { get; init; } = new(0.05, 10);

    [RateSetting("rate_limits.all_user_codes", "Codes of devices that all users type, right ones included.")]
    public Rate AllUserCodes { get; init; } = new(1, 200);

    [RateSetting(
        "rate_limits.messages_from",
        "Mails and text messages that requests from one address cause, to confirm addresses.")]
    public Rate MessagesFrom { get; init; } = new(0.01, 20);

    [RateSetting("rate_limits.messages_to", "Such messages to one mail address or phone number.")]
    public Rate MessagesTo { get; init; } = new(0.001, 5);

    [RateSetting("rate_limits.all_messages", "Such messages of all requests together.")]
    public Rate AllMessages { get; init; } = new(1, 300);

    [RateSetting(
        "rate_limits.text_codes",
        "Tries of the codes that were sent to one phone number, in all sessions together.")]
    public Rate TextCodes { get; init; } = new(0.001, 20);

    [RateSetting("rate_limits.notary_servers", "Servers that queries for signing keys from one address name.")]
    public Rate NotaryServers { get; init; } = new(50, 1000);

    [RateSetting("rate_limits.admin", "Requests of an administrator to the administration API.")]
    public Rate Admin { get; init; } = new(50, 500);

    [Setting(
        "rate_limits.tracked",
        "Users, servers and addresses counted at once; the least busy are dropped first.",
        Least = 100)]
    public int Tracked { get; init; } = 100_000;

    /// <summary>The rate of a class; null if it is not limited.</summary>
    public Rate? RateOf(RateClass kind) => !Enabled
        ? null
        : kind switch
        {
            RateClass.Login => Login,
            RateClass.Password => Password,
            RateClass.KnownLogin => KnownLogin,
            RateClass.Attempts => Attempts,
            RateClass.Registration => Registration,
            RateClass.Send => Send,
            RateClass.Membership => Membership,
            RateClass.Other => Other,
            RateClass.Recursion => Recursion,
            RateClass.FederationAddress => FederationAddress,
            RateClass.FederationServer => FederationServer,
            RateClass.ServerMembership => ServerMembership,
            RateClass.Invites => Invites,
            RateClass.BoundInvites => BoundInvites,
            RateClass.Reports => Reports,
            RateClass.Directories => Directories,
            RateClass.OpenSummaries => OpenSummaries,
            RateClass.Rendezvous => Rendezvous,
            RateClass.OAuthClients => OAuthClients,
            RateClass.OAuthTokens => OAuthTokens,
            RateClass.UserCodes => UserCodes,
            RateClass.AllUserCodes => AllUserCodes,
            RateClass.MessagesFrom => MessagesFrom,
            RateClass.MessagesTo => MessagesTo,
            RateClass.AllMessages => AllMessages,
            RateClass.TextCodes => TextCodes,
            RateClass.NotaryServers => NotaryServers,
            RateClass.Admin => Admin,
            _ => null,
        };
}
