using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Push;
using Matrix.Host.Crypto;
using Matrix.Host.Parts;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Rooms.Policies;

namespace Matrix.Host.Rooms;

/// <summary>This server's name and the limits of rooms.</summary>
public sealed record RoomsOptions
{
    /// <summary>The server's name: the domain of its users.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "room_versions.default",
        "The version of a room whose creator does not choose one.",
        Form = SettingForm.RoomVersion)]
    public string DefaultRoomVersion { get; init; } = RoomRules.Recommended;

    [Setting(
        "room_versions.unstable",
        "Room versions outside the specification, such as org.example.owned-state, in which rooms can be created "
            + "here. Other servers do not know them. When a version is removed from this list, its rooms stay, but no "
            + "new ones can be created.",
        Form = SettingForm.UnstableRoomVersions)]
    public IReadOnlyList<string> UnstableRoomVersions { get; init; } = [];

    [Setting("federation.hierarchy_servers", "Servers that are asked about one room of a space.", Most = 100)]
    public int HierarchyServers { get; init; } = 3;

    [Setting(
        "federation.hierarchy_time",
        "How long a client's request for the rooms of a space waits for other servers.")]
    public TimeSpan HierarchyTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.hierarchy_cache_time",
        "How long what another server returned about the rooms of a space is used again.")]
    public TimeSpan HierarchyCacheTime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting(
        "federation.hierarchy_failure_time",
        "How long a server that could not be reached, or failed, is not asked again about that room.")]
    public TimeSpan HierarchyFailureTime { get; init; } = TimeSpan.FromSeconds(15);

    [Setting("federation.cached_hierarchies", "Such responses that are kept.", Most = 1_000_000)]
    public int CachedHierarchies { get; init; } = 100;

    [Setting(
        "federation.backfill_events",
        "Events in a response to a server that walks back in a room's history.",
        Least = 1, Most = 1000)]
    public int MaxBackfill { get; init; } = 100;

    [Setting(
        "federation.missing_events",
        "Events in a response to a server that misses events.",
        Least = 1, Most = 1000)]
    public int MaxMissingEvents { get; init; } = 50;

    [Setting(
        "federation.events_named",
        "Events that a request for missing ones, or for history, names; others are ignored.",
        Least = 1, Most = 10_000)]
    public int MaxNamedEvents { get; init; } = 200;

    /// <summary>
    /// The number of remembered requests. A request that is repeated after more requests than this is executed again.
    /// </summary>
    public int RememberedTransactions => (int)Math.Min(TransactionCacheBytes / 64, 100_000_000);

    /// <summary>The most events that a durable consumer reads at once; a larger batch is read whole.</summary>
    public int ChangesPerPage { get; init; } = 500;

    /// <summary>The longest pause between two attempts of a durable consumer that fails.</summary>
    public TimeSpan LongestConsumerPause { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "federation.states_served",
        "States and auth chains that are read for other servers, or sent to them, at once; others wait.",
        Least = 1, Most = 1000)]
    public int StatesServed { get; init; } = 8;

    [Setting("federation.states_served_to_server", "The same, for one server.", Least = 1, Most = 1000)]
    public int StatesServedToServer { get; init; } = 2;

    [Setting("federation.states_awaited", "Requests of one server that wait for a state; more get 429.", Most = 10_000)]
    public int StatesAwaited { get; init; } = 50;

    [Setting(
        "federation.server_members",
        "Membership events of a server that one such request looks up where members only see the history; "
            + "further ones count as none, and what nobody else may see is returned in redacted form.",
        Least = 1, Most = 10_000_000)]
    public int MaxServerMembers { get; init; } = 10_000;

    [Setting(
        "federation.walk_levels",
        "Levels of previous events that one such request walks through.",
        Least = 1, Most = 10_000)]
    public int MaxWalkLevels { get; init; } = 200;

    [Setting(
        "federation.rooms_of_event",
        "Rooms in which an event is searched by its id alone.",
        Least = 1, Most = 1000)]
    public int MaxRoomsOfEvent { get; init; } = 10;

    [Setting(
        "federation.join_candidates",
        "Servers that are asked in turn to let a local user join a room.",
        Least = 1, Most = 1000)]
    public int JoinCandidates { get; init; } = 10;

    [Setting(
        "federation.join_time",
        "The time of a join through other servers. A response has federation.large_request_time.")]
    public TimeSpan JoinTime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("federation.join_patience", "How long a join waits for another one of the room before it runs beside it.")]
    public TimeSpan JoinPatience { get; init; } = TimeSpan.FromSeconds(20);

    [Setting(
        "federation.joins",
        "Rooms joined through other servers that are checked and stored at once; others wait.",
        Least = 1, Most = 1000)]
    public int JoinsAtOnce { get; init; } = 4;

    [Setting(
        "federation.joins_waiting",
        "Joins through other servers that wait or run, of which one user or application service has a quarter; "
            + "further ones get 429.",
        Least = 1, Most = 100_000)]
    public int MaxJoins { get; init; } = 100;

    [Setting(
        "federation.join_key_time",
        "The time for fetching the keys of a joined room's servers. Events of servers without keys are dropped.")]
    public TimeSpan JoinKeyTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "federation.join_events",
        "Events of the state and auth chain of a joined room.",
        Least = 1000, Most = 10_000_000)]
    public int JoinEvents { get; init; } = 200_000;

    [Setting(
        "federation.mended_join_events",
        "Events with a wrong hash in a joined room for which their senders' servers are asked, each once.",
        Most = 10_000)]
    public int MendedJoinEvents { get; init; } = 50;

    [Setting(
        "federation.join_decision_time",
        "How long a join may take here after another server has accepted it, while the room's events wait.")]
    public TimeSpan JoinDecisionTime { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("federation.invite_time", "The time of an invite of a user of another server, with all attempts.")]
    public TimeSpan InviteTime { get; init; } = TimeSpan.FromSeconds(20);

    [Setting(
        "federation.invite_attempts",
        "How often such an invite is made anew because the room changed.",
        Least = 1, Most = 100)]
    public int InviteAttempts { get; init; } = 3;

    [Setting("federation.invites", "Such invites that one new room sends at once.", Least = 1, Most = 1000)]
    public int InvitesAtOnce { get; init; } = 8;

    [Setting(
        "federation.creation_invite_time",
        "How long the creation of a room waits for such invites. They go on after it.")]
    public TimeSpan CreationInviteTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.bound_invites",
        "Third-party invites in one report of an identity server that an identifier was bound; 0 refuses all "
            + "reports. Each invite may be a request to the inviter's server.",
        Most = 1000)]
    public int MaxBoundInvites { get; init; } = 10;

    [Setting(
        "federation.bound_invite_reports",
        "Such reports that are handled at once; more get 429.",
        Least = 1, Most = 1000)]
    public int BindingsAtOnce { get; init; } = 4;

    [Setting("federation.handshake_time", "The time of a leave or knock through other servers, with all attempts.")]
    public TimeSpan HandshakeTime { get; init; } = TimeSpan.FromSeconds(20);

    [Setting(
        "federation.handshake_candidates",
        "Servers through which a leave or knock is tried.",
        Least = 1, Most = 100)]
    public int HandshakeCandidates { get; init; } = 3;

    [Setting(
        "federation.strict_invite_state",
        "Whether invites are refused unless all events of their invite_room_state are whole and validly signed. "
            + "Many servers send stripped ones.")]
    public bool StrictInviteState { get; init; }

    [Setting(
        "reports.refuse_unknown",
        "Whether a report of a room or user that this server does not know gets 404. It tells users which rooms "
            + "and users there are.")]
    public bool RefusesUnknownReports { get; init; }

    [Setting(
        "admin.scanned_events",
        "The most events of a room in which media is looked for, the newest first.",
        Least = 100)]
    public int MaxScannedEvents { get; init; } = 100_000;

    [Setting(
        "admin.listed_rooms",
        "The most rooms in the list of rooms, which is made in memory; beyond it, the newest are listed.",
        Least = 100)]
    public int MaxListedRooms { get; init; } = 100_000;

    [Setting(
        "limits.thread_subscriptions",
        "Threads to which one user is subscribed, and those to which they were: beyond this the latter are "
            + "forgotten, and then more are refused.",
        Least = 1, Most = 100_000)]
    public int MaxThreadSubscriptions { get; init; } = 2000;

    [Setting(
        "limits.push_pattern_steps",
        "Characters of one event that the patterns of one user's push rules read, all together; patterns beyond "
            + "that do not match.",
        Least = 10_000, Most = 1_000_000_000)]
    public int PushPatternSteps { get; init; } = (int)PushEvent.DefaultPatternSteps;

    [Setting(
        "limits.rooms_of_user",
        "Rooms that one user has created and this server has; more are refused. Application services have no "
            + "such bound.",
        Least = 1, Most = 100_000_000)]
    public int MaxCreatedRooms { get; init; } = 10_000;

    [Setting(
        "limits.aliases_of_user",
        "Aliases that one user has created, bounded in the same way.",
        Least = 1, Most = 100_000_000)]
    public int MaxAliases { get; init; } = 10_000;

    [Setting("limits.initial_invites", "Users invited by the creation of a room.", Most = 10_000)]
    public int MaxInitialInvites { get; init; } = 100;

    [Setting("limits.initial_state", "State events in a request to create a room.", Most = 10_000)]
    public int MaxInitialState { get; init; } = 200;

    [Setting(
        "limits.open_invites",
        "Rooms of other servers that a user is invited to, or knocks on; further invites are refused.",
        Least = 1, Most = 1_000_000)]
    public int MaxOpenInvites { get; init; } = 1000;

    [Setting(
        "limits.ended_invites",
        "Ended invites and knocks of a user that are kept for devices that have not seen the end.",
        Least = 1, Most = 1_000_000)]
    public int MaxEndedInvites { get; init; } = 200;

    [Setting(
        "limits.stripped_events",
        "Events of the state that another server sends with an invite or knock; further ones are dropped.",
        Least = 1, Most = 1000)]
    public int MaxStrippedEvents { get; init; } = 50;

    /// <summary>The limits of received events.</summary>
    public ReceivingOptions Receiving { get; init; } = new();

    [Setting(
        "limits.stripped_bytes",
        "Bytes of these events.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 16 << 20)]
    public int MaxStrippedBytes { get; init; } = 128 << 10;

    [Setting(
        "limits.directory_members",
        "Members of a room that are read when another server resolves one of its aliases, for the list of the "
            + "room's servers.",
        Least = 1, Most = 1_000_000)]
    public int MaxDirectoryMembers { get; init; } = 10_000;

    [Setting("limits.directory_servers", "Servers in that list.", Least = 1, Most = 100_000)]
    public int MaxDirectoryServers { get; init; } = 1000;

    [Setting("limits.departure_pause", "The longest pause between attempts to make a deactivated user leave a room.")]
    public TimeSpan LongestDeparturePause { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "limits.departure_time",
        "How long a deactivation waits until the user has left all rooms. The rest goes on after it.")]
    public TimeSpan DepartureTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("limits.departures_at_once", "Rooms that a deactivated user leaves at once.", Least = 1, Most = 1000)]
    public int DeparturesAtOnce { get; init; } = 8;

    [Setting(
        "limits.room_queue",
        "Requests that wait for one room; more get an error and may retry.",
        Least = 1, Most = 1_000_000)]
    public int MaxWaitingPerLane { get; init; } = 1000;

    [Setting(
        "limits.room_speculation",
        "Events of one room that wait for the disk while the next ones are made.",
        Least = 1, Most = 10_000)]
    public int MaxSpeculation { get; init; } = 128;

    [Setting("limits.prev_events", "Forward extremities that a new event takes as prev_events.", Least = 1, Most = 20)]
    public int MaxPrevEvents { get; init; } = 20;

    [Setting(
        "limits.waiting_redactions",
        "Redactions of one room that wait for missing events; the earliest are dropped first.",
        Least = 1, Most = 100_000)]
    public int MaxWaitingRedactions { get; init; } = 1000;

    [Setting("limits.public_rooms", "Rooms in a page of the directory of published rooms.", Least = 1, Most = 10_000)]
    public int MaxPublicRooms { get; init; } = 500;

    [Setting("limits.public_rooms_scanned", "Published rooms that one search looks at.", Least = 1, Most = 10_000_000)]
    public int MaxScannedPublicRooms { get; init; } = 10_000;

    [Setting(
        "limits.upgrade_bans",
        "Bans of a replaced room that its replacement begins with; further ones follow in batches. 0 for no bans "
            + "at all.",
        Most = 100_000)]
    public int MaxUpgradeBans { get; init; } = 5_000;

    [Setting(
        "limits.waiting_followers",
        "Joins that wait until the settings for a replaced room are copied; further ones get no copies.",
        Least = 1, Most = 10_000_000)]
    public int MaxWaitingFollowers { get; init; } = 10_000;

    [Setting(
        "limits.reports",
        "Reports of events, rooms and users that are kept for the operators; the oldest are deleted.",
        Least = 1, Most = 100_000_000)]
    public int MaxReports { get; init; } = 100_000;

    [Setting(
        "limits.reports_of_user",
        "The same, of one user; the user's oldest are deleted.",
        Least = 1, Most = 1_000_000)]
    public int MaxReportsOfUser { get; init; } = 1_000;

    [Setting("limits.hierarchy_rooms", "Rooms in a response about the rooms of a space.", Least = 1, Most = 1000)]
    public int MaxHierarchyRooms { get; init; } = 100;

    /// <summary>The policy lists that the server follows.</summary>
    public PolicyOptions Policies { get; init; } = new();

    /// <summary>Events that clients schedule.</summary>
    public DelayOptions Delays { get; init; } = new();

    [Setting(
        "limits.hierarchy_visited",
        "Rooms that are visited to continue such a response.",
        Least = 1, Most = 100_000)]
    public int MaxVisitedHierarchyRooms { get; init; } = 2_000;

    [Setting("limits.hierarchy_depth", "Levels of spaces in spaces.", Least = 1, Most = 1000)]
    public int MaxHierarchyDepth { get; init; } = 50;

    /// <summary>The server's notices.</summary>
    public NoticeOptions Notices { get; init; } = new();

    [Setting("limits.space_children", "Children of one space that are considered.", Least = 1, Most = 100_000)]
    public int MaxSpaceChildren { get; init; } = 1_000;

    [Setting(
        "limits.events_near_time",
        "Events that are looked at for the one closest to a time.",
        Least = 1, Most = 100_000)]
    public int MaxEventsNearTime { get; init; } = 500;

    [Setting("cache.thread_subscriptions", "Users' subscriptions to threads.", Least = 64 << 10, Most = 16L << 30)]
    public long ThreadSubscriptionCacheBytes { get; init; } = 8L * 1024 * 1024;

    [Setting(
        "cache.events",
        "Events. One thirty-second of it is for messages that nobody has read yet.",
        Least = 1 << 20, Most = 64L << 30)]
    public long EventCacheBytes { get; init; } = 48L * 1024 * 1024;

    [Setting(
        "cache.transactions",
        "Transaction ids of past requests, 64 bytes each. A request that is repeated after this many others is "
            + "executed again.",
        Least = 64 << 10, Most = 4L << 30)]
    public long TransactionCacheBytes { get; init; } = 8L * 1024 * 1024;

    [Setting("cache.room_states", "Room states.", Least = 1 << 20, Most = 64L << 30)]
    public long StateCacheBytes { get; init; } = 96L * 1024 * 1024;

    [Setting(
        "cache.state_steps",
        "Changes of room states, which decide what members see of a timeline.",
        Least = 64 << 10, Most = 16L << 30)]
    public long StateStepCacheBytes { get; init; } = 8L * 1024 * 1024;

    [Setting("cache.idle_rooms", "Idle rooms kept in memory.", Least = 16)]
    public int IdleRooms { get; init; } = 4096;
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
