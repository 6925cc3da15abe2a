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

/// <summary>The tables of an open database of either kind.</summary>
internal sealed class OpenedStorage : IStorage
{
    private readonly Func<ValueTask> _close;
    private int _closed;

    private OpenedStorage(
        StorageOptions options, IReads reads, IStorageWriter writer, IStorageAdmin admin, RoomsTable rooms,
        Func<ValueTask> close)
    {
        _close = close;
        Writer = writer;
        Admin = admin;
        Rooms = rooms;
        Events = new EventsTable(reads);
        State = new StateTable(reads, options);
        Memberships = new MembershipsTable(reads);
        Transactions = new TransactionsTable(reads);
        Relations = new RelationsTable(reads, options);
        Search = new SearchTable(reads);
        Receipts = new ReceiptsTable(reads);
        Unread = new UnreadTable(reads);
        ThreadSubscriptions = new ThreadSubscriptionsTable(reads);
        Accounts = new AccountsTable(reads);
        Guests = new GuestsTable(reads);
        AccountData = new AccountDataTable(reads);
        Profiles = new ProfilesTable(reads);
        Presence = new PresenceTable(reads);
        PresenceLists = new PresenceListsTable(reads);
        UserDirectory = new UserDirectoryTable(reads);
        Pushers = new PushersTable(reads);
        Filters = new FiltersTable(reads);
        StoredBytes = new StoredBytesTable(reads);
        Aliases = new AliasesTable(reads);
        Reports = new ReportsTable(reads);
        AuditLog = new AuditLogTable(reads);
        BlockedRooms = new BlockedRoomsTable(reads);
        Jobs = new JobsTable(reads);
        RateLimits = new RateLimitsTable(reads);
        RoomRows = new RoomRowsTable(reads);
        UserList = new UserListTable(reads);
        ServerNotices = new ServerNoticesTable(reads);
        OAuth = new OAuthTable(reads);
        ThirdPartyIds = new ThirdPartyIdsTable(reads);
        ValidationSessions = new ValidationSessionsTable(reads);
        SingleSignOn = new SingleSignOnTable(reads);
        Policies = new PoliciesTable(reads);
        DehydratedDevices = new DehydratedDevicesTable(reads);
        DelayedEvents = new DelayedEventsTable(reads);
        AppServices = new AppServicesTable(reads);
        Keys = new KeysTable(reads);
        KeyBackup = new KeyBackupTable(reads);
        Media = new MediaTable(reads);
        MediaLists = new MediaListTable(reads);
        UrlPreviews = new UrlPreviewsTable(reads);
        ToDevice = new ToDeviceTable(reads);
        SlidingConnections = new SlidingConnectionsTable(reads);
        ServerKeys = new ServerKeysTable(reads);
        Consumers = new ConsumersTable(reads);
        AuthChains = new AuthChainsTable(reads);
        Followers = new FollowersTable(reads);
        ReceivedTransactions = new ReceivedTransactionsTable(reads);
        StagedEvents = new StagedEventsTable(reads);
        Destinations = new DestinationsTable(reads);
        OutboundMessages = new OutboundMessagesTable(reads);
        ReceivedMessages = new ReceivedMessagesTable(reads);
        StrippedRooms = new StrippedRoomsTable(reads);
        DeviceUpdates = new DeviceUpdatesTable(reads);
        RemoteDevices = new RemoteDevicesTable(reads);
    }

    public IStorageWriter Writer { get; }

    public IStorageAdmin Admin { get; }

    public IRoomsTable Rooms { get; }

    public IEventsTable Events { get; }

    public IStateTable State { get; }

    public IMembershipsTable Memberships { get; }

    public ITransactionsTable Transactions { get; }

    public IRelationsTable Relations { get; }

    public ISearchTable Search { get; }

    public IReceiptsTable Receipts { get; }

    public IUnreadTable Unread { get; }

    public IAccountsTable Accounts { get; }

    public IGuestsTable Guests { get; }

    public IAccountDataTable AccountData { get; }

    public IProfilesTable Profiles { get; }

    public IPresenceTable Presence { get; }

    public IPresenceListsTable PresenceLists { get; }

    public IUserDirectoryTable UserDirectory { get; }

    public IPushersTable Pushers { get; }

    public IFiltersTable Filters { get; }

    public IStoredBytesTable StoredBytes { get; }

    public IAliasesTable Aliases { get; }

    public IReportsTable Reports { get; }

    public IAuditLogTable AuditLog { get; }

    public IBlockedRoomsTable BlockedRooms { get; }

    public IJobsTable Jobs { get; }

    public IRateLimitsTable RateLimits { get; }

    public IRoomRowsTable RoomRows { get; }

    public IUserListTable UserList { get; }

    public IServerNoticesTable ServerNotices { get; }

    public IOAuthTable OAuth { get; }

    public IThirdPartyIdsTable ThirdPartyIds { get; }

    public IValidationSessionsTable ValidationSessions { get; }

    public ISingleSignOnTable SingleSignOn { get; }

    public IPoliciesTable Policies { get; }

    public IDehydratedDevicesTable DehydratedDevices { get; }

    public IDelayedEventsTable DelayedEvents { get; }

    public IThreadSubscriptionsTable ThreadSubscriptions { get; }

    public IAppServicesTable AppServices { get; }

    public IKeysTable Keys { get; }

    public IKeyBackupTable KeyBackup { get; }

    public IMediaTable Media { get; }

    public IMediaListTable MediaLists { get; }

    public IUrlPreviewsTable UrlPreviews { get; }

    public IToDeviceTable ToDevice { get; }

    public ISlidingConnectionsTable SlidingConnections { get; }

    public IServerKeysTable ServerKeys { get; }

    public IConsumersTable Consumers { get; }

    public IAuthChainsTable AuthChains { get; }

    public IFollowersTable Followers { get; }

    public IReceivedTransactionsTable ReceivedTransactions { get; }

    public IStagedEventsTable StagedEvents { get; }

    public IDestinationsTable Destinations { get; }

    public IOutboundMessagesTable OutboundMessages { get; }

    public IReceivedMessagesTable ReceivedMessages { get; }

    public IStrippedRoomsTable StrippedRooms { get; }

    public IDeviceUpdatesTable DeviceUpdates { get; }

    public IRemoteDevicesTable RemoteDevices { get; }

    public static async ValueTask<IStorage> OpenAsync(
        StorageOptions options, IReads reads, IStorageWriter writer, IStorageAdmin admin, Func<ValueTask> close,
        CancellationToken stop)
    {
        try
        {
            return new OpenedStorage(options, reads, writer, admin, await RoomsTable.OpenAsync(reads, stop), close);
        }
        catch
        {
            await close();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            await _close();
        }
    }
}
