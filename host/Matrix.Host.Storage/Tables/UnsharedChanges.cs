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
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Storage.Tables.PresenceLists;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
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
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Storage.Tables.UrlPreviews;
using Matrix.Host.Storage.Tables.UserDirectory;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Storage.Tables;

/// <summary>
/// The kinds of changes that other nodes do not get: none of their consumers reads them. A kind is either here or in
/// <see cref="SharedChanges"/>.
/// </summary>
internal static class UnsharedChanges
{
    /// <summary>The kinds.</summary>
    public static IReadOnlyList<Type> Kinds { get; } =
    [
        // Imports
        typeof(DatedChange),
        typeof(ImportBegan),
        typeof(ImportProgressed),
        typeof(ImportLeftOut),
        typeof(ImportEnded),
        typeof(RoomWriterImported),

        // AccountData
        typeof(DeletedAccountDataForgotten),

        // Accounts
        typeof(LoginAsIssued),
        typeof(RegistrationTokenCreated),
        typeof(RegistrationTokenImported),
        typeof(TokenImported),
        typeof(RegistrationTokenLimited),
        typeof(PasswordChanged),
        typeof(PasswordIs),
        typeof(UserIsActive),
        typeof(DepartureEnded),
        typeof(RegistrationTokenIssued),
        typeof(RegistrationTokenDeleted),
        typeof(RegistrationTokenRedeemed),
        typeof(DeviceSeen),
        typeof(ExpiredTokensPurged),
        typeof(LoginTokenIssued),
        typeof(LoginTokenRedeemed),

        // Aliases
        typeof(AliasesFewerThan),
        typeof(DirectoryVisibilityChanged),
        typeof(NetworkVisibilityChanged),

        // AppServices
        typeof(AppServiceAdvanced),

        // AuditLog
        typeof(AdminActionRecorded),

        // AuthChains
        typeof(AuthEventsIndexed),

        // BlockedRooms
        typeof(RoomBlocked),
        typeof(RoomUnblocked),

        // Consumers
        typeof(ConsumerAdvanced),
        typeof(NodeAdvanced),
        typeof(ShardAdvanced),
        typeof(ShardLeft),
        typeof(ShardLevel),

        // DehydratedDevices
        typeof(DeviceDehydrated),
        typeof(DehydratedDeviceIs),

        // DelayedEvents
        typeof(DelayedEventAdded),
        typeof(DelayedEventRestarted),
        typeof(DelayedEventEnded),

        // Destinations
        typeof(DestinationChanged),
        typeof(PendingEventsRecorded),
        typeof(EventRefusedByServer),

        // DeviceUpdates
        typeof(DeviceUpdatesSent),
        typeof(DeviceUpdatesTrimmed),
        typeof(DeviceUpdateImported),
        typeof(DeviceListSentBefore),

        // Events
        typeof(RedactionWaits),
        typeof(WaitingRedactionsDropped),
        typeof(EventRefused),

        // Filters
        typeof(FilterCreated),
        typeof(FilterImported),
        typeof(FiltersDeleted),

        // Followers
        typeof(FollowerDecided),
        typeof(GapClosed),

        // Guests
        typeof(GuestAccessHandled),
        typeof(GuestsFewerThan),
        typeof(GuestIsUnused),

        // Jobs
        typeof(JobCreated),
        typeof(JobAdvanced),
        typeof(JobEnded),

        // KeyBackup
        typeof(BackupVersionCreated),
        typeof(BackupVersionImported),
        typeof(BackupVersionUpdated),
        typeof(BackupVersionDeleted),
        typeof(BackupKeyPut),
        typeof(BackupKeysDeleted),
        typeof(BackupVersionIsLatest),
        typeof(BackupVersionFits),
        typeof(BackupKeysFit),
        typeof(BackupVersionRead),
        typeof(BackupsDeleted),

        // Keys
        typeof(KeyAlgorithmsAtMost),
        typeof(ClaimedKeysForgotten),
        typeof(CrossSigningKeyIs),
        typeof(KeySignaturesAtMost),
        typeof(KeySignaturesOfSignerDeleted),

        // Media
        typeof(MediaCreated),
        typeof(MediaAccessed),
        typeof(MediaDeleted),
        typeof(MediaFileReplaced),
        typeof(DroppedFileSettled),
        typeof(ExpiredMediaPurged),
        typeof(FileQuarantined),
        typeof(MediaProtected),
        typeof(FileReleased),
        typeof(MediaFolderNamed),
        typeof(MediaFolderMarked),

        // OAuth
        typeof(OAuthClientRegistered),
        typeof(OAuthCodeIssued),
        typeof(OAuthCodeRedeemed),
        typeof(OAuthDeviceCodeIssued),
        typeof(OAuthDeviceCodeDecided),
        typeof(OAuthDeviceCodeRedeemed),
        typeof(OAuthSessionBegun),
        typeof(OAuthSessionIs),
        typeof(OAuthLeftoversPurged),

        // OutboundMessages
        typeof(MessagesTaken),
        typeof(MessagesExpired),

        // Policies
        typeof(PolicyAccepted),

        // Presence
        typeof(PresenceStopped),
        typeof(PresenceResumed),
        typeof(PresenceStatusChanged),

        // PresenceLists
        typeof(PresenceListed),
        typeof(PresenceUnlisted),

        // Pushers
        typeof(PusherDeleted),
        typeof(PushersOfUserDeleted),
        typeof(PusherRejected),
        typeof(PusherConfirmed),
        typeof(PusherMailed),
        typeof(PushEnqueued),
        typeof(PushSent),
        typeof(PushesTrimmed),

        // Receipts
        typeof(ThreadReceiptsTrimmed),

        // ReceivedMessages
        typeof(MessageReceived),
        typeof(ReceivedMessagesTrimmed),

        // ReceivedTransactions
        typeof(TransactionReceived),

        // RemoteDevices
        typeof(RemoteListFetched),
        typeof(RemoteListAdvanced),
        typeof(RemoteDeviceChanged),
        typeof(RemoteSigningKeysChanged),
        typeof(RemoteListDropped),

        // Reports
        typeof(ContentReported),
        typeof(ReportDeleted),

        // RoomRows
        typeof(RoomRowsOfUserDeleted),

        // Rooms
        typeof(RoomNumbersTaken),
        typeof(CreatedRoomsFewerThan),
        typeof(RoomFederated),

        // Search
        typeof(EventIndexed),
        typeof(SegmentsMerged),
        typeof(EventUnindexed),
        typeof(RangeIndexed),
        typeof(PendingRangesJoined),

        // ServerKeys
        typeof(ServerKeysFetched),

        // ServerNotices
        typeof(NoticeRoomMade),

        // Shards
        typeof(NodeFenced),

        // SingleSignOn
        typeof(SsoIdentityLinked),
        typeof(SsoGrantIssued),
        typeof(SsoGrantUsed),
        typeof(SsoSessionBegun),
        typeof(SsoGrantsPurged),

        // SlidingConnections
        typeof(SlidingConnectionSaved),
        typeof(SlidingConnectionAdvanced),
        typeof(SlidingConnectionsExpired),

        // StagedEvents
        typeof(StagedEventRemoved),

        // State
        typeof(StateBeforeNamed),
        typeof(StateNumbered),
        typeof(CheckpointDeleted),
        typeof(CheckpointNodesDeleted),

        // StoredBytes
        typeof(StoredBytesFit),

        // ThirdPartyIds
        typeof(ThirdPartyIdAdded),
        typeof(ThirdPartyIdRemoved),
        typeof(ThirdPartyIdsRemoved),
        typeof(ThirdPartyIdBound),
        typeof(ThirdPartyIdUnbound),

        // ToDevice
        typeof(ToDeviceDelivered),

        // Transactions
        typeof(TransactionRecorded),
        typeof(TransactionsPurged),

        // Unread
        typeof(UnreadCleared),

        // UrlPreviews
        typeof(UrlPreviewStored),
        typeof(UrlPreviewDeleted),

        // UserDirectory
        typeof(DirectoryEntryPut),
        typeof(DirectoryMembersNoted),
        typeof(DirectoryEntryDeleted),

        // ValidationSessions
        typeof(ValidationBegun),
        typeof(ValidationResent),
        typeof(ValidationTried),
        typeof(ValidationConfirmed),
        typeof(ValidationUsed),
        typeof(OwnerValidated),
        typeof(ValidationsPurged),
    ];
}
