using Matrix.Core.Facade;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Http;

/// <summary>The callers of a route.</summary>
public enum Access
{
    /// <summary>Users with an access token, guests excluded.</summary>
    Users,

    /// <summary>Users and guests with an access token.</summary>
    UsersAndGuests,

    /// <summary>Everyone; a token must be valid if present.</summary>
    Optional,

    /// <summary>Everyone without a token; with one, users, guests excluded.</summary>
    UsersOrNobody,

    /// <summary>Everyone; tokens are ignored.</summary>
    Anyone,

    /// <summary>Everyone; a valid token says who calls, and any other counts as none.</summary>
    Lenient,

    /// <summary>Administrators of this server.</summary>
    Admins,

    /// <summary>Other servers, which sign the request. v1.19 server-server-api#request-authentication</summary>
    Servers,
}

/// <summary>The limit on a body; the bytes are in the configuration's `limits`.</summary>
public enum BodyLimit
{
    /// <summary>Most endpoints: `limits.body`.</summary>
    Normal,

    /// <summary>
    /// Bodies that become one event: `limits.event_body`. The event itself has the specification's limit.
    /// </summary>
    Event,

    /// <summary>Many keys, messages or events in one body: `limits.large_body`.</summary>
    Large,

    /// <summary>A transaction, or a room's state, of another server: `limits.transaction_body`.</summary>
    Transaction,
}

/// <summary>
/// The classes of requests. Each has its own rate for each user or server, or for each address without one.
/// </summary>
public enum RateClass
{
    /// <summary>All other requests.</summary>
    Other,

    /// <summary>Login, token refresh, user-interactive authentication.</summary>
    Login,

    /// <summary>
    /// Password attempts for one user from all addresses. Counted where passwords are checked, not by route.
    /// </summary>
    Password,

    /// <summary>Password attempts for one user from an address where they logged in recently.</summary>
    KnownLogin,

    /// <summary>
    /// Attempts at passwords and captchas by one user, or from one address without a token. Counted where they are
    /// checked, not by route.
    /// </summary>
    Attempts,

    /// <summary>Registration, and checks of user names and registration tokens.</summary>
    Registration,

    /// <summary>Sending events, to-device messages, receipts and typing notifications.</summary>
    Send,

    /// <summary>
    /// Creating rooms, and changes of memberships, however they are asked for: what the route does not tell is counted
    /// where it is read (<see cref="Call.Count"/>).
    /// </summary>
    Membership,

    /// <summary>Recursive relations.</summary>
    Recursion,

    /// <summary>Reports of events, rooms and users.</summary>
    Reports,

    /// <summary>Searches of the directories of users and of published rooms.</summary>
    Directories,

    /// <summary>
    /// Room summaries, published rooms and aliases that need another server or an application service, for clients
    /// without a token. Counted where they are looked up.
    /// </summary>
    OpenSummaries,

    /// <summary>
    /// Requests about sessions for a sign-in by QR code. The devices are not signed in, so they are counted by address.
    /// </summary>
    Rendezvous,

    /// <summary>Requests to federation from an address, before their signature is verified.</summary>
    FederationAddress,

    /// <summary>Requests that another server signed.</summary>
    FederationServer,

    /// <summary>Joins, invites and knocks that another server signed.</summary>
    ServerMembership,

    /// <summary>Invites that one user of another server sends one user.</summary>
    Invites,

    /// <summary>
    /// Reports of identity servers from one address, and the third-party invites in them. Not authenticated.
    /// </summary>
    BoundInvites,

    /// <summary>Servers that an address names in queries for their keys. Counted where these are answered.</summary>
    NotaryServers,

    /// <summary>Requests of administrators to the administration API.</summary>
    Admin,

    /// <summary>Registrations of OAuth clients, and devices that begin a sign-in without a browser.</summary>
    OAuthClients,

    /// <summary>Requests for tokens of OAuth, and revocations.</summary>
    OAuthTokens,

    /// <summary>
    /// Codes of devices that one user types, or browsers at one address. Counted where they are checked.
    /// </summary>
    UserCodes,

    /// <summary>The same of all users together.</summary>
    AllUserCodes,

    /// <summary>
    /// Messages to mail addresses and phone numbers that requests from one address cause. Counted where they are sent.
    /// </summary>
    MessagesFrom,

    /// <summary>Such messages to one address.</summary>
    MessagesTo,

    /// <summary>Such messages of all requests together.</summary>
    AllMessages,

    /// <summary>
    /// Tries of the codes that were sent to one phone number, in all sessions. Counted where they are checked.
    /// </summary>
    TextCodes,

    /// <summary>Not limited: long-polls and probes.</summary>
    None,
}

/// <summary>The requirements of a route.</summary>
public sealed record RouteOptions
{
    /// <summary>Users with a token, bodies of ordinary size, the common rate.</summary>
    public static RouteOptions Default { get; } = new();

    /// <summary>The same, open to suspended users too.</summary>
    public static RouteOptions AlsoSuspended { get; } = new() { OpenToSuspended = true };

    /// <summary>Other servers with a signature, bodies of ordinary size, the rate of the server.</summary>
    public static RouteOptions ForServers { get; } = new()
    {
        Access = Access.Servers,
        Rate = RateClass.FederationServer,
        Depth = JsonText.FederationBodyLimits.Depth,
    };

    /// <summary>Administrators, bodies that may be missing, the rate of administrators.</summary>
    public static RouteOptions ForAdmins { get; } = new()
    {
        Access = Access.Admins,
        Rate = RateClass.Admin,
        BodyMayBeMissing = true,
    };

    /// <summary>
    /// What the requests belong to. Null before the route is mapped: a group of routes says it (`Of`).
    /// </summary>
    public RouteOwner? Owner { get; init; }

    /// <summary>The allowed callers.</summary>
    public Access Access { get; init; }

    /// <summary>Whether users of locked accounts may call it. v1.19 client-server-api#account-locking</summary>
    public bool OpenToLocked { get; init; }

    /// <summary>
    /// Whether suspended users may call it. They may always read: a GET is open to them, and anything else is not
    /// unless it says so. A route that is open for some of its requests refuses the others itself.
    /// v1.19 client-server-api#account-suspension
    /// </summary>
    public bool OpenToSuspended { get; init; }

    /// <summary>
    /// Whether it only reads. The caller is then judged again before the response is written. A GET always only reads.
    /// </summary>
    public bool OnlyReads { get; init; }

    /// <summary>The rate class.</summary>
    public RateClass Rate { get; init; }

    /// <summary>The limit on the body.</summary>
    public BodyLimit Body { get; init; }

    /// <summary>The deepest nesting of the body.</summary>
    public int Depth { get; init; } = 100;

    /// <summary>
    /// Whether responses have an ETag, which web pages may read and send in `If-Match` and `If-None-Match`.
    /// </summary>
    public bool ETags { get; init; }

    /// <summary>
    /// Whether browsers open it as a page. Pages of other origins may neither read it nor send it forms.
    /// </summary>
    public bool IsPage { get; init; }

    /// <summary>Whether the page is for browsers on the server's machine only.</summary>
    internal bool IsLocal { get; init; }

    /// <summary>Whether the body is a form (`application/x-www-form-urlencoded`) and not JSON.</summary>
    internal bool TakesForm { get; init; }

    /// <summary>
    /// Whether a response may be large: a list, a page of events, a state. The request waits until memory for one is
    /// free in the share of its caller. Long-polls reserve it themselves, once they have something to write.
    /// </summary>
    public bool IsLarge { get; init; }

    /// <summary>
    /// Whether the response is small and waits for no other server, and the request may be carried out twice. The node
    /// that it belongs to is then asked by a call, which costs less than HTTP.
    /// </summary>
    public bool IsBrief { get; init; }

    /// <summary>Whether a missing body counts as an empty object. Always so for DELETE.</summary>
    public bool BodyMayBeMissing { get; init; }

    /// <summary>Whether the body must be canonical JSON (integers only), because it becomes part of an event.</summary>
    public bool CanonicalBody { get; init; }
}
