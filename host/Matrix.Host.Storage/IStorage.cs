using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.DehydratedDevices;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Guests;
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

namespace Matrix.Host.Storage;

/// <summary>
/// A server's durable store: one writer, and queries by table group. Every method throws <see cref="StorageException"/>
/// for a fault of the database and nothing else. Disposing flushes the submitted batches and closes the database.
/// </summary>
public interface IStorage : IAsyncDisposable
{
    /// <summary>The only way to change anything.</summary>
    IStorageWriter Writer { get; }

    /// <summary>Sizes, backup, schema.</summary>
    IStorageAdmin Admin { get; }

    /// <summary>Rooms, their headers and the log of their current state.</summary>
    IRoomsTable Rooms { get; }

    /// <summary>Events.</summary>
    IEventsTable Events { get; }

    /// <summary>Steps, checkpoints and nodes of room state.</summary>
    IStateTable State { get; }

    /// <summary>Memberships of rooms.</summary>
    IMembershipsTable Memberships { get; }

    /// <summary>Rooms that users know only by an invite or knock.</summary>
    IStrippedRoomsTable StrippedRooms { get; }

    /// <summary>Results of requests by transaction id.</summary>
    ITransactionsTable Transactions { get; }

    /// <summary>Relations between events, and threads.</summary>
    IRelationsTable Relations { get; }

    /// <summary>The words of searchable events.</summary>
    ISearchTable Search { get; }

    /// <summary>Read receipts.</summary>
    IReceiptsTable Receipts { get; }

    /// <summary>Unread counts.</summary>
    IUnreadTable Unread { get; }

    /// <summary>Users, devices, tokens.</summary>
    IAccountsTable Accounts { get; }

    /// <summary>Guests, and the rooms that they may have to leave.</summary>
    IGuestsTable Guests { get; }

    /// <summary>Account data, tags included.</summary>
    IAccountDataTable AccountData { get; }

    /// <summary>Profiles.</summary>
    IProfilesTable Profiles { get; }

    /// <summary>The messages of users' presence.</summary>
    IPresenceTable Presence { get; }

    /// <summary>Presence lists.</summary>
    IPresenceListsTable PresenceLists { get; }

    /// <summary>The user directory.</summary>
    IUserDirectoryTable UserDirectory { get; }

    /// <summary>Pushers, and what they have not sent.</summary>
    IPushersTable Pushers { get; }

    /// <summary>The bytes that users store.</summary>
    IStoredBytesTable StoredBytes { get; }

    /// <summary>Filters.</summary>
    IFiltersTable Filters { get; }

    /// <summary>Room aliases and the published room directory.</summary>
    IAliasesTable Aliases { get; }

    /// <summary>What users reported to the operators.</summary>
    IReportsTable Reports { get; }

    /// <summary>What administrators did.</summary>
    IAuditLogTable AuditLog { get; }

    /// <summary>Rooms that local users may not join.</summary>
    IBlockedRoomsTable BlockedRooms { get; }

    /// <summary>Work that goes on in the background.</summary>
    IJobsTable Jobs { get; }

    /// <summary>The limits of single users.</summary>
    IRateLimitsTable RateLimits { get; }

    /// <summary>The rows of rooms that are deleted.</summary>
    IRoomRowsTable RoomRows { get; }

    /// <summary>Lists of users for administrators.</summary>
    IUserListTable UserList { get; }

    /// <summary>The rooms of server notices.</summary>
    IServerNoticesTable ServerNotices { get; }

    /// <summary>Devices that get messages while their users are logged out.</summary>
    IDehydratedDevicesTable DehydratedDevices { get; }

    /// <summary>Clients, codes and sessions of the OAuth 2.0 API.</summary>
    IOAuthTable OAuth { get; }

    /// <summary>Third-party identifiers of accounts.</summary>
    IThirdPartyIdsTable ThirdPartyIds { get; }

    /// <summary>Proofs of mail addresses and phone numbers.</summary>
    IValidationSessionsTable ValidationSessions { get; }

    /// <summary>The people of identity providers, and the devices that providers logged in.</summary>
    ISingleSignOnTable SingleSignOn { get; }

    /// <summary>The policies that users accepted.</summary>
    IPoliciesTable Policies { get; }

    /// <summary>Events that clients scheduled.</summary>
    IDelayedEventsTable DelayedEvents { get; }

    /// <summary>The threads to which users are subscribed.</summary>
    IThreadSubscriptionsTable ThreadSubscriptions { get; }

    /// <summary>What application services have got.</summary>
    IAppServicesTable AppServices { get; }

    /// <summary>Device keys, one-time and fallback keys, cross-signing, device list changes.</summary>
    IKeysTable Keys { get; }

    /// <summary>Backups of room keys.</summary>
    IKeyBackupTable KeyBackup { get; }

    /// <summary>Media.</summary>
    IMediaTable Media { get; }

    /// <summary>Lists of media for administrators.</summary>
    IMediaListTable MediaLists { get; }

    /// <summary>Previews of pages.</summary>
    IUrlPreviewsTable UrlPreviews { get; }

    /// <summary>Messages to devices.</summary>
    IToDeviceTable ToDevice { get; }

    /// <summary>Connections of sliding sync.</summary>
    ISlidingConnectionsTable SlidingConnections { get; }

    /// <summary>Signing keys of other servers.</summary>
    IServerKeysTable ServerKeys { get; }

    /// <summary>Positions of the durable consumers of changes.</summary>
    IConsumersTable Consumers { get; }

    /// <summary>The auth events of state events, in rooms with other servers.</summary>
    IAuthChainsTable AuthChains { get; }

    /// <summary>Gaps of rooms, and events after events that were not accepted.</summary>
    IFollowersTable Followers { get; }

    /// <summary>Received events that wait for others.</summary>
    IStagedEventsTable StagedEvents { get; }

    /// <summary>The last transaction of each server.</summary>
    IReceivedTransactionsTable ReceivedTransactions { get; }

    /// <summary>Other servers that events are sent to.</summary>
    IDestinationsTable Destinations { get; }

    /// <summary>Messages to devices of other servers' users.</summary>
    IOutboundMessagesTable OutboundMessages { get; }

    /// <summary>The ids of messages to devices that other servers sent last.</summary>
    IReceivedMessagesTable ReceivedMessages { get; }

    /// <summary>Changes of local users' devices, and the servers that have not got them.</summary>
    IDeviceUpdatesTable DeviceUpdates { get; }

    /// <summary>Device lists of other servers' users.</summary>
    IRemoteDevicesTable RemoteDevices { get; }
}
