using Matrix.Host.Api.Client.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Media.Store;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.Keys;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Search;
using Matrix.Host.Storage.Tables.ServerKeys;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.State;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Streams.Streams.Threads;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Streams.Streams.ToDevice;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Streams.Streams.Unread;
using Matrix.Host.Sync.Responses;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Caching;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Presence;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.RemoteKeys;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Tests.Architecture;

/// <summary>All that the server keeps in memory of the database. A new cache gets a line here.</summary>
internal static class Holders
{
    private const string OwnChange = "It makes this change itself, and its memory with it.";
    private const string OfLocalLists = "A forgotten room stays left: only the user's own list of rooms is shorter.";
    private const string AccountIsGone = "The account has ended, and is not opened again.";
    private const string NumberOfOutlier = "An outlier is not in the timeline, and was not counted.";

    public static IReadOnlyList<Holder> All { get; } =
    [
        // Rooms and events.
        new Holder(typeof(EventStore), "events event_json").By<RoomSnapshots>().EndsWithRoom(typeof(RoomRowsDeleted)),
        new Holder(typeof(RoomSnapshots), "rooms memberships")
            .EndsWithRoom(typeof(RoomRowsDeleted))
            .Not("A snapshot does not say whether the room has members of other servers.", typeof(RoomFederated))
            .Not(OfLocalLists, typeof(RoomForgotten)),
        new Holder(typeof(StateStore), "state_steps state_checkpoints state_nodes").By<RoomSnapshots>()
            .Not(
                "A checkpoint is another form of a state, which never changes.",
                typeof(CheckpointDeleted), typeof(CheckpointNodesDeleted))
            .EndsWithRoom(typeof(RoomRowsDeleted)),
        new Holder(typeof(StateSteps), "state_steps").EndsWithRoom(),
        new Holder(typeof(LaneDirectory), "rooms staged_events waiting_redactions")
            .Not(OwnChange, typeof(RoomAdvanced), typeof(RoomFederated), typeof(StagedEventRemoved))
            .Not(OwnChange, typeof(RedactionWaits), typeof(WaitingRedactionsDropped))
            .Not("The deletion of a room ends its lane.", typeof(RoomDeleted), typeof(RoomRowsDeleted)),
        new Holder(typeof(StagedBytes), "staged_events")
            .Not("The room's machine says what waits after each of its sessions.", typeof(StagedEventRemoved))
            .EndsWithRoom(typeof(RoomRowsDeleted)),
        new Holder(typeof(TransactionLog), "transactions commits")
            .Not("Its own bound is the same.", typeof(TransactionsPurged))
            .Not(
                "A repeated request learns that its event is no longer here.",
                typeof(RoomDeleted), typeof(RoomRowsDeleted)),
        new Holder(typeof(PolicyLists), "events")
            .Not("Rules are state events, which a purge keeps.", typeof(EventsPurged))
            .Not(
                "The room's state names the rules: RoomAdvanced says that it changed.",
                typeof(EventMarksChanged), typeof(OutlierRenumbered))
            .EndsWithRoom(typeof(RoomRowsDeleted)),
        new Holder(typeof(Matrix.Host.Rooms.Delayed.DelayedEvents), "delayed_events")
            .Not(OwnChange, typeof(DelayedEventEnded), typeof(DelayedEventRestarted)),
        new Holder(typeof(MessageSearch), "search_events")
            .Not(
                "One at a time: a word that becomes rare so is found as a frequent one still.",
                typeof(EventRedacted), typeof(EventIndexed), typeof(EventUnindexed))
            .Not("The rows go by RoomRowsDeleted.", typeof(RoomDeleted)),
        new Holder(typeof(ThreadSubscribers), "thread_subscriptions")
            .Not("The rows go by RoomRowsDeleted.", typeof(RoomDeleted)),

        // What users see of rooms.
        new Holder(typeof(UnreadCounter), "events unread receipts memberships").By<UnreadStream>()
            .Not(NumberOfOutlier, typeof(OutlierRenumbered), typeof(EventMarksChanged))
            .Not("Rows of threads that a later receipt covers.", typeof(ThreadReceiptsTrimmed))
            .Not("Rows that the receipt covers which came with it.", typeof(UnreadCleared))
            .Not(OfLocalLists, typeof(RoomForgotten))
            .EndsWithRoom(typeof(RoomDeleted), typeof(RoomRowsDeleted), typeof(RoomRowsOfUserDeleted)),
        new Holder(typeof(Badges), "events unread receipts memberships").By<PushFeed>()
            .Not("The counts are made anew when the purge has ended, by HistoryPurged.", typeof(EventsPurged))
            .Not(NumberOfOutlier, typeof(OutlierRenumbered), typeof(EventMarksChanged))
            .Not("Rows of threads that a later receipt covers.", typeof(ThreadReceiptsTrimmed))
            .Not("Rows that the receipt covers which came with it.", typeof(UnreadCleared))
            .Not(OfLocalLists, typeof(RoomForgotten))
            .Not(
                "The users left before, which counts the room as read.",
                typeof(RoomDeleted), typeof(RoomRowsDeleted), typeof(RoomRowsOfUserDeleted)),
        new Holder(typeof(RoomStream), "rooms receipts events unread")
            .By<TimelineStream>().By<ReceiptStream>().By<UnreadStream>()
            .Not("A flush says nothing of that.", typeof(RoomFederated))
            .Not("Older receipts: it remembers the latest.", typeof(ThreadReceiptsTrimmed))
            .Not("Rows that the receipt covers which came with it.", typeof(UnreadCleared))
            .Not(NumberOfOutlier, typeof(OutlierRenumbered), typeof(EventMarksChanged))
            .EndsWithRoom(typeof(RoomDeleted), typeof(RoomRowsDeleted), typeof(RoomRowsOfUserDeleted)),
        new Holder(typeof(UserRoomsCache), "memberships stripped_rooms account_data")
            .By<MembershipStream>().By<StrippedRoomStream>().By<AccountDataStream>()
            .Not("Rows that say that data was deleted.", typeof(DeletedAccountDataForgotten))
            .Not(AccountIsGone, typeof(AccountDataDeleted))
            .EndsWithRoom(typeof(RoomRowsDeleted), typeof(RoomRowsOfUserDeleted)),
        new Holder(typeof(SlidingConnections), "sliding_connections")
            .Not(OwnChange, typeof(SlidingConnectionSaved))
            .Not("Each request looks whether another node has answered.", typeof(SlidingConnectionAdvanced))
            .Not("Those in the database only: who is in memory was used lately.", typeof(SlidingConnectionsExpired)),
        new Holder(typeof(BumpStamps), "events")
            .Not(
                "A stamp is a time by which clients sort rooms: it does not go back.",
                typeof(EventRedacted), typeof(EventsPurged), typeof(EventMarksChanged), typeof(OutlierRenumbered))
            .EndsWithRoom(),
        new Holder(typeof(Heroes), "current_state_log")
            .Not("The members are compared with the state at each use.", typeof(StateChanged))
            .EndsWithRoom(),

        // Accounts.
        new Holder(typeof(AccessTokens), "tokens users devices")
            .Not("Each token says when it ends.", typeof(ExpiredTokensPurged))
            .Not("A token does not say these.", typeof(DeviceRenamed), typeof(DeviceSeen), typeof(PasswordChanged)),
        new Holder(typeof(AppServiceCallers), "users")
            .Not("A caller has no password.", typeof(PasswordChanged)),
        new Holder(typeof(ErasedUsers), "users")
            .Not(
                "Only a deactivation erases.",
                typeof(AdminChanged), typeof(AccountLockChanged), typeof(AccountSuspensionChanged),
                typeof(GuestUpgraded), typeof(PasswordChanged)),
        new Holder(typeof(AccountDataCache<>), "account_data")
            .Not("Rows that say that data was deleted.", typeof(DeletedAccountDataForgotten))
            .Not("Data of a room; it holds global data.", typeof(RoomRowsOfUserDeleted)),
        new Holder(typeof(SyncFilters), "filters")
            .Not("A filter of the same text has its number.", typeof(FilterCreated))
            .Not(AccountIsGone, typeof(FiltersDeleted)),
        new Holder(typeof(RateOverrides), "rate_limits"),
        new Holder(typeof(PresenceBoard), "presence_statuses").By<PresenceActivity>()
            .Not(OwnChange, typeof(PresenceStatusChanged)),
        new Holder(typeof(PusherIndex), "pushers").By<PushFeed>()
            .Not(
                "A pusher stays until its sender finds that it is gone; nothing is stored for it meanwhile.",
                typeof(PusherDeleted), typeof(PushersOfUserDeleted), typeof(PusherRejected), typeof(DeviceDeleted),
                typeof(OtherDevicesDeleted))
            .Not("The index does not say these.", typeof(PusherConfirmed), typeof(PusherMailed)),

        // Other servers, and application services.
        new Holder(typeof(RoomServers), "memberships").By<OutboundEventFeed>()
            .Not(OfLocalLists, typeof(RoomForgotten)).EndsWithRoom(),
        new Holder(typeof(OutboundEventFeed), "memberships").Not(OfLocalLists, typeof(RoomForgotten)).EndsWithRoom(),
        new Holder(typeof(CurrentServers), "memberships").Not(OfLocalLists, typeof(RoomForgotten)).EndsWithRoom(),
        new Holder(typeof(SharingServers), "memberships").Not(OfLocalLists, typeof(RoomForgotten)).EndsWithRoom(),
        new Holder(typeof(PendingRooms), "outbound_owed")
            .Not(OwnChange, typeof(PendingEventsRecorded))
            .Not("An event that is gone is found to be so when its turn comes.", typeof(RoomDeleted))
            .Not("An event that is gone is found to be so when its turn comes.", typeof(RoomRowsDeleted)),
        new Holder(typeof(MessageEdus), "outbound_messages")
            .Not(OwnChange, typeof(MessagesTaken), typeof(MessagesExpired)),
        new Holder(typeof(ServerKeys), "server_keys server_key_responses").Not(OwnChange, typeof(ServerKeysFetched)),
        new Holder(typeof(RemoteDeviceLists), "remote_device_lists remote_devices")
            .Not(
                OwnChange,
                typeof(RemoteListFetched), typeof(RemoteListAdvanced), typeof(RemoteListDropped),
                typeof(RemoteDeviceChanged), typeof(RemoteSigningKeysChanged)),
        new Holder(typeof(ServiceRooms), "aliases memberships").By<AppServiceOutbound>()
            .Not("It follows the memberships of the batches that the service gets.", typeof(MembershipChanged))
            .Not(OfLocalLists, typeof(RoomForgotten))
            .EndsWithRoom(typeof(RoomRowsDeleted)),
    ];

    /// <summary>
    /// What the other lists must not miss, but which holds no rows: work that is under way, signals that something is
    /// to be read, positions, what clients and servers have been sent.
    /// </summary>
    public static IReadOnlyList<Type> OfNoRows { get; } =
    [
        // Signals and counts.
        typeof(IndexWorker), typeof(SearchIndexer), typeof(DirectoryIndexer),
        typeof(RoomFollowers), typeof(Departures), typeof(GuestDepartures), typeof(ReceivedEventCounts),
        typeof(RoomWatches), typeof(DeviceListEdus), typeof(PresenceEdus), typeof(AppServiceOutbound),
        typeof(PresenceActivity), typeof(WaitingRequests),

        // Positions, of which the rooms' are in RoomStream.
        typeof(Notifier), typeof(RoomStreams), typeof(RecentRooms), typeof(MembershipStream),
        typeof(StrippedRoomStream), typeof(UnreadStream), typeof(TimelineStream), typeof(ReceiptStream),
        typeof(AccountDataStream), typeof(ThreadSubscriptionStream), typeof(ToDeviceStream), typeof(DeviceListStream),

        // What is sent, or waits for something that is not here.
        typeof(TypingBoard), typeof(PresenceVisits), typeof(LazyMembers), typeof(EarlyReceipts),
        typeof(ReceiptEdus), typeof(PushFeed),
        typeof(ServiceEphemeral), typeof(TypingRooms), typeof(BrowserSignIns), typeof(SsoAttempts),
        typeof(ServerDiscovery), typeof(AwaitedEvents), typeof(DummyEvents), typeof(FullRooms),
        typeof(MissingEventsFetcher), typeof(MissingHistory), typeof(StagedEventsResumer), typeof(RemoteProfiles),
        typeof(MediaArrivals),

        // They hold an AccountDataCache.
        typeof(PushRuleCache), typeof(IgnoredUsers),
    ];

    /// <summary>What is made for one request, flush or session of a lane, and parts of holders.</summary>
    public static IReadOnlyList<string> Parts { get; } =
    [
        "SearchScope", "NotificationList+Page", "KeyRing", "ToDeviceSender+Inboxes", "UpdatedRooms",
        "SessionIndex", "UnknownEvents", "SubmittedBatches", "ThreadSubscribers+UserThreads", "Badges+Badge",
        "ConnectionState", "UserRooms", "CachedList",
    ];
}
