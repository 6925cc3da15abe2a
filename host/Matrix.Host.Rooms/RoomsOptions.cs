using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Push;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Rooms.Policies;

namespace Matrix.Host.Rooms;

/// <summary>This server's name and the limits of rooms.</summary>
public sealed record RoomsOptions
{
    /// <summary>The server's name: the domain of its users.</summary>
    public required string ServerName { get; init; }

    /// <summary>The version of a room whose creator names none.</summary>
    public string DefaultRoomVersion { get; init; } = RoomRules.Recommended;

    /// <summary>Unstable versions of which this server may create rooms.</summary>
    public IReadOnlyList<string> UnstableRoomVersions { get; init; } = [];

    /// <summary>The most characters of an event that the patterns of one user's push rules read.</summary>
    public int PushPatternSteps { get; init; } = (int)PushEvent.DefaultPatternSteps;

    /// <summary>Bytes of cached events.</summary>
    public long EventCacheBytes { get; init; } = 48L * 1024 * 1024;

    /// <summary>Bytes of cached room states. Nodes that states of one room share are counted once.</summary>
    public long StateCacheBytes { get; init; } = 96L * 1024 * 1024;

    /// <summary>The bytes of the cache of steps of rooms' states.</summary>
    public long StateStepCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>The most idle rooms whose lanes and snapshots stay in memory.</summary>
    public int IdleRooms { get; init; } = 4096;

    /// <summary>The most batches of one room that wait for the disk while its lane continues.</summary>
    public int MaxSpeculation { get; init; } = 128;

    /// <summary>The most requests that wait for one room's lane; further ones get 429.</summary>
    public int MaxWaitingPerLane { get; init; } = 1000;

    /// <summary>Bytes of remembered transaction ids.</summary>
    public long TransactionCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>
    /// The number of remembered requests. A request that is repeated after more requests than this is executed again.
    /// </summary>
    public int RememberedTransactions => (int)Math.Min(TransactionCacheBytes / 64, 100_000_000);

    /// <summary>The most events that a durable consumer reads at once; a larger batch is read whole.</summary>
    public int ChangesPerPage { get; init; } = 500;

    /// <summary>The longest pause between two attempts of a durable consumer that fails.</summary>
    public TimeSpan LongestConsumerPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most events in a response to a server that walks back in a room's history.</summary>
    public int MaxBackfill { get; init; } = 100;

    /// <summary>The most events in a response to a server that misses events.</summary>
    public int MaxMissingEvents { get; init; } = 50;

    /// <summary>The most events that one such request names; others are ignored.</summary>
    public int MaxNamedEvents { get; init; } = 200;

    /// <summary>The most whole states and auth chains that are read for other servers or sent at once.</summary>
    public int StatesServed { get; init; } = 8;

    /// <summary>The most of them for one server.</summary>
    public int StatesServedToServer { get; init; } = 2;

    /// <summary>The most requests of one server that wait for them; further ones get 429.</summary>
    public int StatesAwaited { get; init; } = 50;

    /// <summary>
    /// The most membership events of a server that are looked up to decide what it may see of a room's history; further
    /// ones count as none.
    /// </summary>
    public int MaxServerMembers { get; init; } = 10_000;

    /// <summary>The most levels of previous events that one such request walks through.</summary>
    public int MaxWalkLevels { get; init; } = 200;

    /// <summary>The most rooms in which an event is searched by its id alone.</summary>
    public int MaxRoomsOfEvent { get; init; } = 10;

    /// <summary>The most rooms in a page of the directory of published rooms.</summary>
    public int MaxPublicRooms { get; init; } = 500;

    /// <summary>The most published rooms that one search looks at.</summary>
    public int MaxScannedPublicRooms { get; init; } = 10_000;

    /// <summary>The most bans that a room's replacement begins with; further ones follow. 0 for none at all.</summary>
    public int MaxUpgradeBans { get; init; } = 5_000;

    /// <summary>
    /// The most joins that wait until the settings for a replaced room are copied; further ones get no copies.
    /// </summary>
    public int MaxWaitingFollowers { get; init; } = 10_000;

    /// <summary>Whether a report of a room or user that this server does not know is refused.</summary>
    public bool RefusesUnknownReports { get; init; }

    /// <summary>The most reports that are kept for the operators; the oldest are deleted.</summary>
    public int MaxReports { get; init; } = 100_000;

    /// <summary>The most of them of one user; the user's oldest are deleted.</summary>
    public int MaxReportsOfUser { get; init; } = 1_000;

    /// <summary>The most rooms in a response about the rooms of a space.</summary>
    public int MaxHierarchyRooms { get; init; } = 100;

    /// <summary>The most rooms that are visited to continue such a response.</summary>
    public int MaxVisitedHierarchyRooms { get; init; } = 2_000;

    /// <summary>The most levels of spaces in spaces.</summary>
    public int MaxHierarchyDepth { get; init; } = 50;

    /// <summary>The most children of one space that are considered.</summary>
    public int MaxSpaceChildren { get; init; } = 1_000;

    /// <summary>The most servers that are asked about one room of a space.</summary>
    public int HierarchyServers { get; init; } = 3;

    /// <summary>
    /// The longest time in which other servers are asked about the rooms of a space, for one request.
    /// </summary>
    public TimeSpan HierarchyTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long what another server said about the rooms of a space is used again.</summary>
    public TimeSpan HierarchyCacheTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a server is not asked again about a room of a space after it could not be reached, or failed.
    /// </summary>
    public TimeSpan HierarchyFailureTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The most such responses that are kept.</summary>
    public int CachedHierarchies { get; init; } = 100;

    /// <summary>The most events near a time that are looked at for the one closest to it.</summary>
    public int MaxEventsNearTime { get; init; } = 500;

    /// <summary>The most prev events of a new event.</summary>
    public int MaxPrevEvents { get; init; } = 20;

    /// <summary>The most servers that are asked in turn to let a local user join a room.</summary>
    public int JoinCandidates { get; init; } = 10;

    /// <summary>The time of a join through other servers. After it, no response is awaited.</summary>
    public TimeSpan JoinTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a join through other servers waits for another one of the room before it runs beside it.
    /// </summary>
    public TimeSpan JoinPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The most joined rooms that are checked and stored at once; others wait.</summary>
    public int JoinsAtOnce { get; init; } = 4;

    /// <summary>The most joins through other servers that wait or run; further ones get 429.</summary>
    public int MaxJoins { get; init; } = 100;

    /// <summary>
    /// The time for fetching the keys of all servers in a joined room. Events of servers without keys are dropped.
    /// </summary>
    public TimeSpan JoinKeyTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most damaged events in the response to a join for which their senders' servers are asked, each once.
    /// </summary>
    public int MendedJoinEvents { get; init; } = 50;

    /// <summary>The most events of a joined room's state and auth chain.</summary>
    public int JoinEvents { get; init; } = 200_000;

    /// <summary>
    /// How long a join that another server accepted may take here: a client waits for the decision, and events of the
    /// room wait for the room.
    /// </summary>
    public TimeSpan JoinDecisionTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The limits of received events.</summary>
    public ReceivingOptions Receiving { get; init; } = new();

    /// <summary>The time of an invite of a user of another server, with all attempts.</summary>
    public TimeSpan InviteTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often an invite is made anew because the room changed.</summary>
    public int InviteAttempts { get; init; } = 3;

    /// <summary>The most invites of users of other servers that one new room sends at once.</summary>
    public int InvitesAtOnce { get; init; } = 8;

    /// <summary>
    /// How long the creation of a room waits for the invites of users of other servers; they go on after it.
    /// </summary>
    public TimeSpan CreationInviteTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most third-party invites that an identity server reports at once; 0 refuses all reports.</summary>
    public int MaxBoundInvites { get; init; } = 10;

    /// <summary>The most such reports that are handled at once; further ones get 429.</summary>
    public int BindingsAtOnce { get; init; } = 4;

    /// <summary>The time of a leave or knock through other servers, with all attempts.</summary>
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The most servers through which a leave or knock is tried.</summary>
    public int HandshakeCandidates { get; init; } = 3;

    /// <summary>The most rooms of other servers that a user is invited to, or knocks on.</summary>
    public int MaxOpenInvites { get; init; } = 1000;

    /// <summary>The most ended invites and knocks of a user that are kept for their devices.</summary>
    public int MaxEndedInvites { get; init; } = 200;

    /// <summary>The most events of received stripped state; further ones are dropped.</summary>
    public int MaxStrippedEvents { get; init; } = 50;

    /// <summary>The most bytes of received stripped state.</summary>
    public int MaxStrippedBytes { get; init; } = 128 << 10;

    /// <summary>Whether all events of received stripped state must be whole and validly signed.</summary>
    public bool StrictInviteState { get; init; }

    /// <summary>
    /// The longest pause between two attempts of deactivated users to leave their rooms.
    /// </summary>
    public TimeSpan LongestDeparturePause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a deactivation waits until its user has left their rooms; the rest goes on after it.</summary>
    public TimeSpan DepartureTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most rooms that a deactivated user leaves at once.</summary>
    public int DeparturesAtOnce { get; init; } = 8;

    /// <summary>
    /// The most redactions of a room that wait for events that are not here; the earliest are dropped.
    /// </summary>
    public int MaxWaitingRedactions { get; init; } = 1000;

    /// <summary>The policy lists that the server follows.</summary>
    public PolicyOptions Policies { get; init; } = new();

    /// <summary>Events that clients schedule.</summary>
    public DelayOptions Delays { get; init; } = new();

    /// <summary>The most threads of a user that are known as subscribed, or as subscribed before.</summary>
    public int MaxThreadSubscriptions { get; init; } = 2000;

    /// <summary>Bytes of users' subscriptions to threads in memory.</summary>
    public long ThreadSubscriptionCacheBytes { get; init; } = 8L * 1024 * 1024;

    /// <summary>The server's notices.</summary>
    public NoticeOptions Notices { get; init; } = new();

    /// <summary>The most users that a request to create a room may invite.</summary>
    public int MaxInitialInvites { get; init; } = 100;

    /// <summary>The most rooms that one user has created and this server has. Not for application services.</summary>
    public int MaxCreatedRooms { get; init; } = 10_000;

    /// <summary>The most aliases that one user has created. Not for application services.</summary>
    public int MaxAliases { get; init; } = 10_000;

    /// <summary>The most state events in a request to create a room.</summary>
    public int MaxInitialState { get; init; } = 200;

    /// <summary>The most members of a room that are read for the list of its servers.</summary>
    public int MaxDirectoryMembers { get; init; } = 10_000;

    /// <summary>The most rooms in the list that administrators see; beyond it, the newest are listed.</summary>
    public int MaxListedRooms { get; init; } = 100_000;

    /// <summary>The most events of a room in which media is looked for.</summary>
    public int MaxScannedEvents { get; init; } = 100_000;

    /// <summary>The most servers of a room that are returned with its id.</summary>
    public int MaxDirectoryServers { get; init; } = 1000;
}

/// <summary>Signs events as this server.</summary>
public sealed class ServerSigner(string serverName, SigningKeyRing keys)
{
    /// <summary>The server's name.</summary>
    public string ServerName => serverName;

    /// <summary>A signature with the key in use.</summary>
    internal Signature Sign(ReadOnlySpan<byte> bytes)
    {
        var key = keys.InUse;
        return new Signature(serverName, key.Id, key.Key.Sign(bytes));
    }

    /// <summary>Whether a valid signature is this server's, by any of its keys.</summary>
    internal bool HasMade(Signature signature, ReadOnlySpan<byte> bytes) =>
        signature.Entity == serverName
        && keys.Keys.PublicKeyOf(signature.KeyId) is { } key
        && Ed25519.Verify(key.Span, bytes, signature.Bytes);
}

/// <summary>Parts of valid identifiers.</summary>
internal static class RoomNames
{
    /// <summary>The server of a user id or alias: the part after the first colon.</summary>
    internal static string ServerOf(string id) => id[(id.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
