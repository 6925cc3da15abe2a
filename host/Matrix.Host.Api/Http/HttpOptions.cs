namespace Matrix.Host.Api.Http;

/// <summary>Bounds of requests. Configuration: `limits`.</summary>
/// <param name="Body">Bytes of an ordinary body.</param>
/// <param name="EventBody">Bytes of a body that becomes one event.</param>
/// <param name="LargeBody">Bytes of a body with many keys, messages or events.</param>
/// <param name="TrustForwardedFor">Whether a proxy names the client in `X-Forwarded-For`.</param>
public sealed record HttpOptions(int Body, int EventBody, int LargeBody, bool TrustForwardedFor)
{
    /// <summary>
    /// Bytes of a transaction of another server. Its 50 PDUs have 64 KiB each, and 100 EDUs come with them.
    /// </summary>
    public int TransactionBody { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes of memory that other servers' bodies take at once: estimates of what they become, not what was sent.
    /// </summary>
    public long FederationBodies { get; init; } = 512 << 20;

    /// <summary>The time that a request of another server waits for that server's keys.</summary>
    public TimeSpan FederationKeyTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The time in which another server's body must arrive.</summary>
    public TimeSpan FederationBodyTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The least bytes a second at which another server's body must arrive.</summary>
    public int FederationBodyRate { get; init; } = 8 << 10;

    /// <summary>Bytes of responses to other servers that are held at once until they are sent.</summary>
    public long FederationResponses { get; init; } = 512 << 20;

    /// <summary>The least bytes a second at which another server must read a response.</summary>
    public int FederationResponseRate { get; init; } = 8 << 10;

    /// <summary>The time in which another server must read a response.</summary>
    public TimeSpan FederationResponseTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Bytes of memory that clients' bodies take at once: estimates of what they become, not what was sent.
    /// </summary>
    public long ClientBodies { get; init; } = 128 << 20;

    /// <summary>Bytes of memory that large responses to clients take at once.</summary>
    public long ClientResponses { get; init; } = 256 << 20;

    /// <summary>Bytes that are reserved for a large response while it is written and sent.</summary>
    public int LargeResponse { get; init; } = 4 << 20;

    /// <summary>The longest wait of a request for memory.</summary>
    public TimeSpan MemoryWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most requests of one user, application service or address that wait for memory.</summary>
    public int WaitingRequests { get; init; } = 200;

    /// <summary>The least bytes a second at which a client must send a body and read a response.</summary>
    public int ClientRate { get; init; } = 1 << 10;

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
/// <param name="Enabled">Whether rates are limited.</param>
/// <param name="Tracked">The most users, servers and addresses that are counted.</param>
public sealed record RateLimitOptions(
    bool Enabled,
    Rate Login,
    Rate Password,
    Rate KnownLogin,
    Rate Registration,
    Rate Send,
    Rate Membership,
    Rate Other,
    int Tracked)
{
    /// <summary>The rate of <see cref="RateClass.Attempts"/>.</summary>
    public Rate Attempts { get; init; } = new(0.5, 20);

    /// <summary>The rate of <see cref="RateClass.Recursion"/>.</summary>
    public Rate Recursion { get; init; } = new(5, 50);

    /// <summary>The rate of <see cref="RateClass.FederationAddress"/>.</summary>
    public Rate FederationAddress { get; init; } = new(200, 2000);

    /// <summary>The rate of <see cref="RateClass.FederationServer"/>.</summary>
    public Rate FederationServer { get; init; } = new(100, 1000);

    /// <summary>The rate of <see cref="RateClass.ServerMembership"/>.</summary>
    public Rate ServerMembership { get; init; } = new(10, 200);

    /// <summary>The rate of <see cref="RateClass.Invites"/>.</summary>
    public Rate Invites { get; init; } = new(0.02, 20);

    /// <summary>The rate of <see cref="RateClass.BoundInvites"/>.</summary>
    public Rate BoundInvites { get; init; } = new(0.2, 20);

    /// <summary>The rate of <see cref="RateClass.Reports"/>.</summary>
    public Rate Reports { get; init; } = new(0.1, 20);

    /// <summary>The rate of <see cref="RateClass.Directories"/>.</summary>
    public Rate Directories { get; init; } = new(2, 60);

    /// <summary>The rate of <see cref="RateClass.OpenSummaries"/>.</summary>
    public Rate OpenSummaries { get; init; } = new(0.2, 10);

    /// <summary>The rate of <see cref="RateClass.Rendezvous"/>.</summary>
    public Rate Rendezvous { get; init; } = new(10, 100);

    /// <summary>The rate of <see cref="RateClass.OAuthClients"/>.</summary>
    public Rate OAuthClients { get; init; } = new(0.2, 30);

    /// <summary>The rate of <see cref="RateClass.OAuthTokens"/>.</summary>
    public Rate OAuthTokens { get; init; } = new(5, 100);

    /// <summary>The rate of <see cref="RateClass.UserCodes"/>.</summary>
    public Rate UserCodes { get; init; } = new(0.05, 10);

    /// <summary>The rate of <see cref="RateClass.AllUserCodes"/>.</summary>
    public Rate AllUserCodes { get; init; } = new(1, 200);

    /// <summary>The rate of <see cref="RateClass.MessagesFrom"/>.</summary>
    public Rate MessagesFrom { get; init; } = new(0.01, 20);

    /// <summary>The rate of <see cref="RateClass.MessagesTo"/>.</summary>
    public Rate MessagesTo { get; init; } = new(0.001, 5);

    /// <summary>The rate of <see cref="RateClass.AllMessages"/>.</summary>
    public Rate AllMessages { get; init; } = new(1, 300);

    /// <summary>The rate of <see cref="RateClass.TextCodes"/>.</summary>
    public Rate TextCodes { get; init; } = new(0.001, 20);

    /// <summary>The rate of <see cref="RateClass.NotaryServers"/>.</summary>
    public Rate NotaryServers { get; init; } = new(50, 1000);

    /// <summary>The rate of <see cref="RateClass.Admin"/>.</summary>
    public Rate Admin { get; init; } = new(50, 500);

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
