using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Copies;
using Matrix.Host.Storage.Tables.DehydratedDevices;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.MediaLists;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Storage.Tables.PresenceLists;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Search;
using Matrix.Host.Storage.Tables.ServerKeys;
using Matrix.Host.Storage.Tables.ServerNotices;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.State;
using Matrix.Host.Storage.Tables.StoredBytes;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Storage.Tables.UrlPreviews;
using Matrix.Host.Storage.Tables.UserDirectory;
using Matrix.Host.Storage.Tables.UserListing;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Storage.Tables;

/// <summary>
/// The tables of a database: the one list of them. Every method of a table throws <see cref="StorageException"/> for a
/// fault of the database and nothing else.
/// </summary>
/// <param name="reads">Queries of the database.</param>
/// <param name="options">The options of the database.</param>
/// <param name="lastRoom">The greatest number of a room.</param>
public abstract class StorageTables(IReads reads, StorageOptions options, int lastRoom)
{
    /// <summary>Rooms, their headers and the log of their current state.</summary>
    public RoomsTable Rooms { get; } = new(reads, lastRoom);

    /// <summary>Events.</summary>
    public IEventsTable Events { get; } = new EventsTable(reads);

    /// <summary>Steps, checkpoints and nodes of room state.</summary>
    public IStateTable State { get; } = new StateTable(reads, options);

    /// <summary>Memberships of rooms.</summary>
    public IMembershipsTable Memberships { get; } = new MembershipsTable(reads);

    /// <summary>Rooms that users know only by an invite or knock.</summary>
    public StrippedRoomsTable StrippedRooms { get; } = new(reads);

    /// <summary>Results of requests by transaction id.</summary>
    public TransactionsTable Transactions { get; } = new(reads);

    /// <summary>Relations between events, and threads.</summary>
    public RelationsTable Relations { get; } = new(reads, options);

    /// <summary>The words of searchable events.</summary>
    public SearchTable Search { get; } = new(reads);

    /// <summary>Read receipts.</summary>
    public ReceiptsTable Receipts { get; } = new(reads);

    /// <summary>Unread counts.</summary>
    public UnreadTable Unread { get; } = new(reads);

    /// <summary>Users, devices, tokens.</summary>
    public IAccountsTable Accounts { get; } = new AccountsTable(reads);

    /// <summary>Guests, and the rooms that they may have to leave.</summary>
    public IGuestsTable Guests { get; } = new GuestsTable(reads);

    /// <summary>The copy that this database is of another one.</summary>
    public CopiesTable Copies { get; } = new(reads);

    /// <summary>What was imported from another server, and how far.</summary>
    public ImportsTable Imports { get; } = new(reads);

    /// <summary>Which process of the imported server wrote the events of a room.</summary>
    public ImportedWritersTable ImportedWriters { get; } = new(reads);

    /// <summary>Account data, tags included.</summary>
    public IAccountDataTable AccountData { get; } = new AccountDataTable(reads);

    /// <summary>Profiles.</summary>
    public IProfilesTable Profiles { get; } = new ProfilesTable(reads);

    /// <summary>The messages of users' presence.</summary>
    public PresenceTable Presence { get; } = new(reads);

    /// <summary>Presence lists.</summary>
    public PresenceListsTable PresenceLists { get; } = new(reads);

    /// <summary>The user directory.</summary>
    public UserDirectoryTable UserDirectory { get; } = new(reads);

    /// <summary>Pushers, and what they have not sent.</summary>
    public PushersTable Pushers { get; } = new(reads);

    /// <summary>The bytes that users store.</summary>
    public StoredBytesTable StoredBytes { get; } = new(reads);

    /// <summary>Filters.</summary>
    public FiltersTable Filters { get; } = new(reads);

    /// <summary>Room aliases and the published room directory.</summary>
    public AliasesTable Aliases { get; } = new(reads);

    /// <summary>What users reported to the operators.</summary>
    public ReportsTable Reports { get; } = new(reads);

    /// <summary>What administrators did.</summary>
    public AuditLogTable AuditLog { get; } = new(reads);

    /// <summary>Rooms that local users may not join.</summary>
    public BlockedRoomsTable BlockedRooms { get; } = new(reads);

    /// <summary>Work that goes on in the background.</summary>
    public JobsTable Jobs { get; } = new(reads);

    /// <summary>The limits of single users.</summary>
    public RateLimitsTable RateLimits { get; } = new(reads);

    /// <summary>Which node has which shard.</summary>
    public ShardsTable Shards { get; } = new(reads);

    /// <summary>Positions of consumers that handle changes shard by shard.</summary>
    public ShardPositionsTable ShardPositions { get; } = new(reads);

    /// <summary>The rows of rooms that are deleted.</summary>
    public RoomRowsTable RoomRows { get; } = new(reads);

    /// <summary>Lists of users for administrators.</summary>
    public UserListTable UserList { get; } = new(reads);

    /// <summary>The rooms of server notices.</summary>
    public ServerNoticesTable ServerNotices { get; } = new(reads);

    /// <summary>Devices that get messages while their users are logged out.</summary>
    public DehydratedDevicesTable DehydratedDevices { get; } = new(reads);

    /// <summary>Clients, codes and sessions of the OAuth 2.0 API.</summary>
    public OAuthTable OAuth { get; } = new(reads);

    /// <summary>Third-party identifiers of accounts.</summary>
    public ThirdPartyIdsTable ThirdPartyIds { get; } = new(reads);

    /// <summary>Proofs of mail addresses and phone numbers.</summary>
    public ValidationSessionsTable ValidationSessions { get; } = new(reads);

    /// <summary>The people of identity providers, and the devices that providers logged in.</summary>
    public ISingleSignOnTable SingleSignOn { get; } = new SingleSignOnTable(reads);

    /// <summary>The policies that users accepted.</summary>
    public PoliciesTable Policies { get; } = new(reads);

    /// <summary>Events that clients scheduled.</summary>
    public DelayedEventsTable DelayedEvents { get; } = new(reads);

    /// <summary>The threads to which users are subscribed.</summary>
    public ThreadSubscriptionsTable ThreadSubscriptions { get; } = new(reads);

    /// <summary>What application services have got.</summary>
    public AppServicesTable AppServices { get; } = new(reads);

    /// <summary>Device keys, one-time and fallback keys, cross-signing, device list changes.</summary>
    public KeysTable Keys { get; } = new(reads);

    /// <summary>Backups of room keys.</summary>
    public KeyBackupTable KeyBackup { get; } = new(reads);

    /// <summary>Media.</summary>
    public MediaTable Media { get; } = new(reads);

    /// <summary>Lists of media for administrators.</summary>
    public MediaListTable MediaLists { get; } = new(reads);

    /// <summary>Previews of pages.</summary>
    public UrlPreviewsTable UrlPreviews { get; } = new(reads);

    /// <summary>Messages to devices.</summary>
    public ToDeviceTable ToDevice { get; } = new(reads);

    /// <summary>Connections of sliding sync.</summary>
    public SlidingConnectionsTable SlidingConnections { get; } = new(reads);

    /// <summary>Signing keys of other servers.</summary>
    public ServerKeysTable ServerKeys { get; } = new(reads);

    /// <summary>Positions of the durable consumers of changes.</summary>
    public IConsumersTable Consumers { get; } = new ConsumersTable(reads);

    /// <summary>The auth events of state events, in rooms with other servers.</summary>
    public IAuthChainsTable AuthChains { get; } = new AuthChainsTable(reads);

    /// <summary>Gaps of rooms, and events after events that were not accepted.</summary>
    public IFollowersTable Followers { get; } = new FollowersTable(reads);

    /// <summary>Received events that wait for others.</summary>
    public StagedEventsTable StagedEvents { get; } = new(reads);

    /// <summary>The last transaction of each server.</summary>
    public ReceivedTransactionsTable ReceivedTransactions { get; } = new(reads);

    /// <summary>Other servers that events are sent to.</summary>
    public DestinationsTable Destinations { get; } = new(reads);

    /// <summary>Messages to devices of other servers' users.</summary>
    public OutboundMessagesTable OutboundMessages { get; } = new(reads);

    /// <summary>The ids of messages to devices that other servers sent last.</summary>
    public ReceivedMessagesTable ReceivedMessages { get; } = new(reads);

    /// <summary>Changes of local users' devices, and the servers that have not got them.</summary>
    public IDeviceUpdatesTable DeviceUpdates { get; } = new DeviceUpdatesTable(reads);

    /// <summary>Device lists of other servers' users.</summary>
    public RemoteDevicesTable RemoteDevices { get; } = new(reads);

    /// <summary>The code that carries out each type of change.</summary>
    internal static WriteHandlers Handlers(DatabaseHandlers own)
    {
        var handlers = new WriteHandlers();

        // It reads the rows that others replace or delete.
        StoredBytesTable.Register(handlers);
        DatedChanges.Register(handlers);
        ImportsTable.Register(handlers);
        ImportedWritersTable.Register(handlers);
        RoomsTable.Register(handlers);
        EventsTable.Register(handlers, own.InsertEvent);
        EventPurges.Register(handlers);
        StateTable.Register(handlers);
        MembershipsTable.Register(handlers);
        TransactionsTable.Register(handlers);
        SearchTable.Register(handlers);
        RelationsTable.Register(handlers);
        ReceiptsTable.Register(handlers);
        UnreadTable.Register(handlers);
        ThreadSubscriptionsTable.Register(handlers);
        UserHandlers.Register(handlers);
        AccountModerationHandlers.Register(handlers);
        GuestsTable.Register(handlers);
        DeviceUpdatesTable.Register(handlers);
        DeviceHandlers.Register(handlers);
        TokenHandlers.Register(handlers);
        AdminTokenHandlers.Register(handlers);
        ImportedTokenHandlers.Register(handlers);
        OAuthHandlers.Register(handlers);
        ThirdPartyIdsTable.Register(handlers);
        ValidationSessionsTable.Register(handlers);
        SingleSignOnHandlers.Register(handlers);
        PoliciesHandlers.Register(handlers);
        AccountDataTable.Register(handlers);
        ProfilesTable.Register(handlers);
        PresenceTable.Register(handlers);
        PresenceListsTable.Register(handlers);
        UserDirectoryTable.Register(handlers);
        PushersTable.Register(handlers);
        FiltersTable.Register(handlers);
        AliasesTable.Register(handlers);
        ReportsTable.Register(handlers);
        AuditLogTable.Register(handlers);
        BlockedRoomsTable.Register(handlers);
        JobsTable.Register(handlers);
        RateLimitsTable.Register(handlers);
        ShardsTable.Register(handlers);
        RoomNumbers.Register(handlers);
        ShardPositionsTable.Register(handlers);
        RoomRowsTable.Register(handlers);
        ServerNoticesTable.Register(handlers);
        DehydratedDevicesTable.Register(handlers);
        DelayedEventsTable.Register(handlers);
        AppServicesTable.Register(handlers);
        KeyHandlers.Register(handlers, own.ClaimKeys);
        KeyBackupHandlers.Register(handlers);
        MediaTable.Register(handlers);
        UrlPreviewsTable.Register(handlers);
        ToDeviceTable.Register(handlers);
        SlidingConnectionsTable.Register(handlers);
        ServerKeysTable.Register(handlers);
        ConsumersTable.Register(handlers);
        AuthChainsTable.Register(handlers);
        FollowersTable.Register(handlers);
        ReceivedTransactionsTable.Register(handlers);
        StagedEventsTable.Register(handlers);
        DestinationsTable.Register(handlers);
        StrippedRoomsTable.Register(handlers);
        OutboundMessagesTable.Register(handlers);
        ReceivedMessagesTable.Register(handlers);
        RemoteDevicesTable.Register(handlers);
        return handlers;
    }
}
