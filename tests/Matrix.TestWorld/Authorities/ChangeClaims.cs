using Matrix.Core.Cluster;
using Matrix.Core.Ident;
using Matrix.Host.Storage;
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
using Matrix.Host.Storage.Tables.ValidationSessions;
using static Matrix.TestWorld.Authorities.Claim;

namespace Matrix.TestWorld.Authorities;

/// <summary>
/// The authority that each kind of change needs: what is decided in memory, and by whose. A new kind gets a line here;
/// `docs/authority.md` says what each authority has in memory.
/// </summary>
internal static class ChangeClaims
{
    private const string FullyRead = "m.fully_read";

    private static readonly Dictionary<Type, Func<Change, WriteBatch, Claim>> _claims = [];

    static ChangeClaims()
    {
        // The lane of a room decides these.
        Add<RoomCreated>(static change => new OfRoom(change.Room.Nid));
        Add<RoomAdvanced>(static change => new OfRoom(change.Room.Nid));
        Add<RoomFederated>(static change => new OfRoom(change.Room));
        Add<RoomDeleted>(static change => new OfRoom(change.Room.Nid));
        Add<EventsAppended>(static change => new OfRoom(change.Room.Nid));
        Add<EventRedacted>(static change => new OfRoom(change.Redacted.Nid.Room));
        Add<RedactionWaits>(static change => new OfRoom(change.Redaction.Room));
        Add<WaitingRedactionsDropped>(static change => new OfRoom(change.Room));
        Add<EventRefused>(static change => new OfRoom(change.Nid.Room));
        Add<OutlierRenumbered>(static change => new OfRoom(change.Live.Room));
        Add<EventMarksChanged>(static change => new OfRoom(change.Nid.Room));
        Add<FollowerDecided>(static change => new OfRoom(change.Follower.Room));
        Add<GapClosed>(static change => new OfRoom(change.Room));
        Add<AuthEventsIndexed>(static change => new OfRoom(change.Event.Room));
        Add<StateChanged>(static change => new OfRoom(change.Room));
        Add<StateBeforeNamed>(static change => new OfRoom(change.Nid.Room));
        Add<StateNumbered>(static change => new OfRoom(change.Room));
        Add<CheckpointDeleted>(static change => new OfRoom(change.Room));
        Add<CheckpointNodesDeleted>(static change => new OfRoom(change.Room));
        Add<EventStaged>(static change => new OfRoom(change.Room));
        Add<StagedEventRemoved>(static change => new OfRoom(change.Room));
        Add<StagedEventGivenUp>(static change => new OfRoom(change.Room));
        Add<MembershipChanged>(static change => new OfRoom(change.Room));
        Add<UnreadAdded>(static change => new OfRoom(change.Event.Room));

        // An import has the database alone, before anything has authority in memory.
        Free<DatedChange>();
        Free<FilterImported>();
        Free<RegistrationTokenImported>();
        Free<TokenImported>();
        Free<ImportBegan>();
        Free<ImportProgressed>();
        Free<ImportLeftOut>();
        Free<ImportEnded>();
        Free<DeviceUpdateImported>();
        Free<DeviceListSentBefore>();
        Free<BackupVersionImported>();
        Free<RoomWriterImported>();

        // A room's schedule of delayed events.
        Add<DelayedEventAdded>(static change => new OfRoomId(change.Row.RoomId));
        Some<DelayedEventRestarted>(AuthorityKind.Room);
        Some<DelayedEventEnded>(AuthorityKind.Room);

        // A user's lock, presence, connections, pushers and requests.
        Add<AccountDataPut>(static change =>
            change is { Type: FullyRead, Room: not null } ? None : User(change.UserId));
        Add<ProfileFieldChanged>(static (change, batch) => IsNewAccount(batch) ? None : User(change.UserId));
        Add<ProfileFieldDeleted>(static change => User(change.UserId));
        Add<FilterCreated>(static change => User(change.UserId));
        Add<DeletedAccountDataForgotten>(static change => User(change.UserId));
        Add<ThirdPartyIdAdded>(static (change, batch) => IsNewAccount(batch) ? None : User(change.Row.UserId));
        Add<ThirdPartyIdRemoved>(static change => User(change.UserId));
        Add<PresenceStatusChanged>(static change => User(change.UserId));
        Add<PresenceStopped>(static change => User(change.User.UserId));
        Add<PresenceResumed>(static change => User(change.UserId));
        Add<PusherSet>(static change => User(change.Pusher.UserId));
        Some<PushEnqueued>(AuthorityKind.User);
        Some<PushesTrimmed>(AuthorityKind.User);
        Some<PushSent>(AuthorityKind.User);
        Some<PusherMailed>(AuthorityKind.User);
        May<PusherRejected>(AuthorityKind.User);
        May<CrossSigningKeyUploaded>(AuthorityKind.User);
        Add<UserDeactivated>(static change => User(change.UserId));
        Add<AccountDataDeleted>(static change => User(change.UserId));
        Add<FiltersDeleted>(static change => User(change.UserId));
        Add<PushersOfUserDeleted>(static change => User(change.UserId));
        Add<ProfileDeleted>(static change => User(change.UserId));
        Some<TransactionRecorded>(AuthorityKind.User);
        Add<ToDeviceSent>(static change => change.Sender.StartsWith('@') ? User(change.Sender) : None);
        Add<MessageEnqueued>(static change => User(change.Sender));

        // Another server: what it sends, what it is sent, what is known of its users and keys.
        Add<TransactionReceived>(static change => Server(change.Origin));
        Add<MessageReceived>(static change => Server(change.Origin));
        Add<ReceivedMessagesTrimmed>(static change => Server(change.Origin));
        Add<RemoteListFetched>(static change => ServerOf(change.List.UserId));
        Add<RemoteListAdvanced>(static change => ServerOf(change.UserId));
        Add<RemoteListDropped>(static change => ServerOf(change.UserId));
        Add<RemoteDeviceChanged>(static change => ServerOf(change.UserId));
        Add<RemoteSigningKeysChanged>(static change => ServerOf(change.UserId));
        Add<ServerKeysFetched>(static change => Server(change.ServerName));
        Add<MessagesTaken>(static change => Server(change.ServerName));
        Add<MessagesExpired>(static change => Server(change.ServerName));
        Add<DeviceUpdatesSent>(static change => Server(change.ServerName));
        Add<PendingEventsRecorded>(static change => Server(change.ServerName));
        Add<DestinationChanged>(static change => Server(change.ServerName));
        Add<EventRefusedByServer>(static change => Server(change.ServerName));

        // Of a local user it needs none.
        May<DeviceListChanged>(AuthorityKind.Server);

        // An application service.
        Add<AppServiceAdvanced>(static change => new Of(Authority.AppService(change.Row.ServiceId)));

        // Duties.
        Add<ConsumerAdvanced>(static change => new Of(Authority.Duty(change.Name)));
        Duty<DeviceUpdatesEnqueued>("device-lists");
        Duty<DeviceUpdatesTrimmed>("device-lists");
        Duty<EventIndexed>("search");
        Duty<EventUnindexed>("search");
        Duty<SegmentsMerged>("search");
        Duty<RangeIndexed>("search");
        Free<PendingRangesJoined>();
        Duty<DirectoryEntryPut>("user_directory");
        Duty<DirectoryMembersNoted>("user_directory");
        Duty<DirectoryEntryDeleted>("user_directory");
        Duty<JobAdvanced>("jobs");
        Add<JobEnded>(static change =>
            change.State == JobState.Cancelled ? None : new Of(Authority.Duty("jobs")));
        Duty<EventsPurged>("jobs");
        Duty<HistoryPurged>("jobs");
        Duty<RoomRowsDeleted>("jobs");
        Duty<RoomRowsOfUserDeleted>("jobs");
        May<DirectoryMoved>(AuthorityKind.Duty);
        May<DirectoryVisibilityChanged>(AuthorityKind.Duty);
        May<AliasDeleted>(AuthorityKind.Duty);
        Add<DepartureEnded>(static (change, batch) => batch.Authority.Kind == AuthorityKind.Duty
            ? new Of(Authority.Duty("departures"))
            : User(change.UserId));
        Duty<GuestAccessHandled>("guest departures");
        Duty<TransactionsPurged>("housekeeping");
        Duty<ExpiredTokensPurged>("housekeeping");
        Duty<SlidingConnectionsExpired>("housekeeping");
        Duty<ValidationsPurged>("housekeeping");
        Duty<SsoGrantsPurged>("housekeeping");
        Duty<OAuthLeftoversPurged>("housekeeping");
        Duty<ExpiredMediaPurged>("media cleaning");
        Duty<UrlPreviewDeleted>("media cleaning");

        // A session of authentication allows one account.
        May<UserCreated>(AuthorityKind.MintedId);
        May<GuestUpgraded>(AuthorityKind.MintedId);

        // Accounts, sessions and devices: conditions.
        Free<PasswordChanged>();
        Free<PasswordIs>();
        Free<UserIsActive>();
        Free<AdminChanged>();
        Free<AccountLockChanged>();
        Free<AccountSuspensionChanged>();
        Free<GuestsFewerThan>();
        Free<GuestIsUnused>();
        Free<RegistrationTokenIssued>();
        Free<RegistrationTokenCreated>();
        Free<RegistrationTokenLimited>();
        Free<RegistrationTokenDeleted>();
        Free<RegistrationTokenRedeemed>();
        Free<PolicyAccepted>();
        Free<DeviceAdded>();
        Free<DeviceRenamed>();
        Free<DeviceSeen>();
        Free<DeviceDeleted>();
        Free<OtherDevicesDeleted>();
        Free<DeviceDehydrated>();
        Free<DehydratedDeviceIs>();
        Free<TokensIssued>();
        Free<TokensRotated>();
        Free<TokensConfirmed>();
        Free<SessionEnded>();
        Free<LoginTokenIssued>();
        Free<LoginTokenRedeemed>();
        Free<LoginAsIssued>();
        Free<OAuthClientRegistered>();
        Free<OAuthCodeIssued>();
        Free<OAuthCodeRedeemed>();
        Free<OAuthDeviceCodeIssued>();
        Free<OAuthDeviceCodeDecided>();
        Free<OAuthDeviceCodeRedeemed>();
        Free<OAuthSessionBegun>();
        Free<OAuthSessionIs>();
        Free<SsoIdentityLinked>();
        Free<SsoGrantIssued>();
        Free<SsoGrantUsed>();
        Free<SsoGrantsRevoked>();
        Free<SsoSessionBegun>();
        Free<ValidationBegun>();
        Free<ValidationResent>();
        Free<ValidationTried>();
        Free<ValidationConfirmed>();
        Free<ValidationUsed>();
        Free<OwnerValidated>();
        Free<ThirdPartyIdsRemoved>();
        Free<ThirdPartyIdBound>();
        Free<ThirdPartyIdUnbound>();
        Free<ShardMoved>();
        Free<NodeFenced>();
        Free<RoomNumbersTaken>();
        Free<NodeAdvanced>();
        Free<ShardAdvanced>();
        Free<ShardLeft>();
        Free<ShardLevel>();
        Free<RateLimitSet>();
        Free<RateLimitRemoved>();
        Free<AdminActionRecorded>();
        Free<PresenceListed>();
        Free<PresenceUnlisted>();
        Free<PusherDeleted>();
        Free<PusherConfirmed>();
        Free<StoredBytesFit>();
        Free<SlidingConnectionSaved>();
        Free<SlidingConnectionAdvanced>();

        // Keys: conditions.
        Free<DeviceKeysUploaded>();
        Free<OneTimeKeyUploaded>();
        Free<KeyAlgorithmsAtMost>();
        Free<FallbackKeyUploaded>();
        Free<KeysClaimed>();
        Free<ClaimedKeysForgotten>();
        Free<CrossSigningKeysDeleted>();
        Free<CrossSigningKeyIs>();
        Free<KeySignatureUploaded>();
        Free<KeySignaturesAtMost>();
        Free<KeySignaturesOfSignerDeleted>();
        Free<BackupVersionCreated>();
        Free<BackupVersionUpdated>();
        Free<BackupVersionDeleted>();
        Free<BackupKeyPut>();
        Free<BackupKeysDeleted>();
        Free<BackupVersionIsLatest>();
        Free<BackupVersionFits>();
        Free<BackupKeysFit>();
        Free<BackupVersionRead>();
        Free<BackupsDeleted>();

        // What users and administrators do to rooms without their lanes: conditions, or the last one counts.
        Free<CreatedRoomsFewerThan>();
        Free<AliasCreated>();
        Free<AliasesFewerThan>();
        Free<NetworkVisibilityChanged>();
        Free<RoomBlocked>();
        Free<RoomUnblocked>();
        Free<RoomForgotten>();
        Free<ReceiptMoved>();
        Free<ThreadReceiptsTrimmed>();
        Free<UnreadCleared>();
        Free<ThreadSubscribed>();
        Free<ThreadUnsubscribed>();
        Free<EndedThreadsForgotten>();
        Free<StrippedRoomEntered>();
        Free<StrippedRoomDescribed>();
        Free<StrippedRoomLeft>();
        Free<StrippedRoomForgotten>();
        Free<NoticeRoomMade>();
        Free<ContentReported>();
        Free<ReportDeleted>();
        Free<JobCreated>();

        // A device has its messages, by its own word.
        Free<ToDeviceDelivered>();

        // Media.
        Free<MediaCreated>();
        Free<MediaUploaded>();
        Free<MediaAccessed>();
        Free<MediaDeleted>();
        Free<MediaFileReplaced>();
        Free<DroppedFileSettled>();
        Free<MediaFolderNamed>();
        Free<MediaFolderMarked>();
        Free<FileQuarantined>();
        Free<FileReleased>();
        Free<MediaProtected>();
        Free<UrlPreviewStored>();
    }

    /// <summary>The kinds of changes that have a line.</summary>
    internal static IReadOnlyCollection<Type> Kinds => _claims.Keys;

    /// <summary>What a change of a batch needs; null if its kind has no line.</summary>
    internal static Claim? Of(Change change, WriteBatch batch) =>
        _claims.TryGetValue(change.GetType(), out var claim) ? claim(change, batch) : null;

    private static bool IsNewAccount(WriteBatch batch) =>
        batch.Preconditions.Any(static change => change is UserCreated or GuestUpgraded);

    private static Of User(string userId) => new(Authority.User(userId));

    private static Of Server(string name) => new(Authority.Server(name));

    private static Of ServerOf(string userId) => Server(UserId.Server(userId));

    private static void Add<T>(Func<T, Claim> claim)
        where T : Change => _claims.Add(typeof(T), (change, _) => claim((T)change));

    private static void Add<T>(Func<T, WriteBatch, Claim> claim)
        where T : Change => _claims.Add(typeof(T), (change, batch) => claim((T)change, batch));

    private static void Duty<T>(string name)
        where T : Change => Add<T>(_ => new Of(Authority.Duty(name)));

    private static void Some<T>(AuthorityKind kind)
        where T : Change => Add<T>(_ => new OfSome(kind));

    private static void May<T>(AuthorityKind kind)
        where T : Change => Add<T>(_ => new Maybe(kind));

    private static void Free<T>()
        where T : Change => Add<T>(static _ => None);
}
