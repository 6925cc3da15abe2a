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
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Storage.Tables;

/// <summary>The one list of table groups.</summary>
internal static class AllTables
{
    /// <summary>The handlers of every type of change.</summary>
    public static WriteHandlers Handlers(DatabaseHandlers own)
    {
        var handlers = new WriteHandlers();

        // It reads the rows that others replace or delete.
        StoredBytesTable.Register(handlers);
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
