using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Network.Keys;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Inspecting;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Reports;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Rooms.Summaries;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms;

/// <summary>Registers the services of rooms.</summary>
public static class RoomRegistration
{
    /// <summary>
    /// Adds them. They need the storage, the server's signer, an <see cref="ILocalUsers"/>, the options of rooms and of
    /// reading, and a clock.
    /// </summary>
    public static IServiceCollection AddRooms(this IServiceCollection services) =>
        services.AddDeciding().AddReceiving().AddJoining().AddInviting().AddReading();

    /// <summary>
    /// The caches of rooms. They consume each commit before the streams, so that readers whom a stream wakes find the
    /// new state.
    /// </summary>
    public static IReadOnlyList<IChangeConsumer> RoomConsumers(this IServiceProvider parts) =>
    [
        parts.Get<RoomSnapshots>(),
        parts.Get<PolicyLists>(),
        parts.Get<ErasedUsers>(),
        parts.Get<EarlyReceipts>(),
        parts.Get<ThreadSubscribers>(),
        parts.Get<ReceivedEventCounts>(),
        parts.Get<StagedBytes>(),
        parts.Get<SearchIndexer>(),
        parts.Get<MessageSearch>(),
        parts.Get<DirectoryIndexer>(),
        parts.Get<DelayedEvents>(),
        parts.Get<GuestDepartures>(),
    ];

    /// <summary>Loads the data that must be in memory before the first request.</summary>
    public static async ValueTask LoadRoomsAsync(this IServiceProvider parts, CancellationToken stop)
    {
        await parts.Get<ErasedUsers>().LoadAsync(parts.Get<IStorage>().Accounts, stop).ConfigureAwait(false);
        await parts.Get<DelayedEvents>().LoadAsync(stop).ConfigureAwait(false);
    }

    private static IServiceCollection AddDeciding(this IServiceCollection services) => services
        .AddSingleton(parts => new ThreadSubscribers(
            parts.Get<IStorage>().ThreadSubscriptions, parts.Get<RoomsOptions>().ThreadSubscriptionCacheBytes))
        .AddSingleton<IThreadSubscribers>(parts => parts.Get<ThreadSubscribers>())
        .AddSingleton<IPushEvaluation, PushEvaluation>()
        .AddSingleton(parts => new ReceivedEventCounts(parts.Get<RoomsOptions>().ServerName))
        .AddSingleton<LaneLoader>()
        .AddSingleton<FactsReader>()
        .AddSingleton<RoomResolutions>()
        .AddSingleton(parts => new LaneDirectory(
            parts.Get<LaneLoader>(),
            parts.Get<FactsReader>(),
            parts.Get<RoomResolutions>(),
            parts.Get<IStorage>().Writer,
            parts.Get<RoomsOptions>()))
        .AddSingleton(parts => new AuthChainWriter(parts.Get<EventStore>(), parts.Get<IStorage>()))
        .AddSingleton(parts => new EventAppender(
            parts.Get<EventStore>(),
            parts.Get<AuthChainWriter>(),
            parts.Get<ServerSigner>(),
            parts.Get<IPushEvaluation>(),
            parts.Get<IStorage>().State,
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new MemberContents(parts.Get<ILocalUsers>(), parts.Get<RoomsOptions>().ServerName))
        .AddSingleton(parts => new TransactionLog(
            parts.Get<IStorage>().Transactions, parts.Get<IStorage>().Events, parts.Get<RoomsOptions>()))
        .AddSingleton(parts => new RoomSender(
            parts.Get<LaneDirectory>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<EventAppender>(),
            parts.Get<TransactionLog>(),
            parts.Get<EventStore>(),
            parts.Get<IStorage>().Relations))
        .AddSingleton(parts => new ProfilePropagation(
            parts.Get<RoomSender>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<EventAppender>(),
            parts.Get<MemberContents>(),
            parts.Get<IStorage>().Memberships))
        .AddSingleton(parts => new RestrictedJoins(
            parts.Get<RoomSnapshots>(), parts.Get<EventAppender>().State, parts.Get<IStorage>()))
        .AddSingleton(parts => new RoomMemberships(
            parts.Get<RoomSender>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<EventAppender>(),
            parts.Get<RestrictedJoins>(),
            parts.Get<MemberContents>(),
            parts.Get<ProfilePropagation>(),
            parts.Get<IStorage>(),
            parts.Get<ILocalUsers>(),
            parts.Get<IRemoteMemberships>(),
            parts.Get<PolicyLists>(),
            parts.Get<RoomsOptions>().ServerName))
        .AddSingleton<SuspendedUsers>()
        .AddSingleton(parts => new DelayedEvents(
            parts.Get<RoomSender>(),
            parts.Get<RoomMemberships>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<ILocalUsers>(),
            parts.Get<SuspendedUsers>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>().Delays,
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new Departures(
            parts.Get<RoomMemberships>(), parts.Get<IStorage>(), parts.Get<RoomsOptions>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new GuestDepartures(
            parts.Get<RoomMemberships>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<StateReader>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new RoomAccounts(parts.Get<Departures>(), parts.Get<ProfilePropagation>()))
        .AddSingleton(parts => new PolicyLists(
            parts.Get<RoomSnapshots>(),
            parts.Get<EventStore>(),
            parts.Get<IStorage>().BlockedRooms,
            parts.Get<RoomsOptions>(),
            parts.Get<ILogger<PolicyLists>>()))
        .AddSingleton(parts => new PolicyRooms(
            parts.Get<RoomJoins>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<ServerNotices>()
        .AddSingleton<RoomAliasDirectory>()
        .AddSingleton(parts => new RoomCreator(
            parts.Get<LaneDirectory>(),
            parts.Get<EventAppender>(),
            parts.Get<MemberContents>(),
            parts.Get<ProfilePropagation>(),
            parts.Get<RoomMemberships>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new RoomUpgrades(
            parts.Get<RoomCreator>(),
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<MemberContents>(),
            parts.Get<ProfilePropagation>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<StateReader>(),
            parts.Get<EventStore>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>()))
        .AddSingleton<RoomFollowers>();

    private static IServiceCollection AddReceiving(this IServiceCollection services) => services
        .AddSingleton(parts => new SignatureChecker(parts.Get<IServerKeys>()))
        .AddSingleton(parts => new FetchSlots(parts.Get<RoomsOptions>().Receiving, parts.Get<TimeProvider>()))
        .AddSingleton(parts => new MissingEventsFetcher(
            parts.Get<FederationApi>(),
            parts.Get<FetchSlots>(),
            parts.Get<SignatureChecker>(),
            parts.Get<RoomResolutions>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<MissingEventsFetcher>>()))
        .AddSingleton(parts => new DummyEvents(
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<MissingEventsFetcher>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new StagedBytes(parts.Get<RoomsOptions>().Receiving))
        .AddSingleton(parts => new RoomReceiver(
            parts.Get<LaneDirectory>(),
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<AuthChainWriter>(),
            parts.Get<SignatureChecker>(),
            parts.Get<MissingEventsFetcher>(),
            parts.Get<DummyEvents>(),
            parts.Get<StagedBytes>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<RoomReceiver>>()))
        .AddSingleton(parts => new HistoryWalker(
            parts.Get<FederationApi>(),
            parts.Get<SignatureChecker>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IMissingHistory>(parts => new MissingHistory(
            parts.Get<HistoryWalker>(),
            parts.Get<RoomReceiver>(),
            parts.Get<EventStore>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<MissingHistory>>()))
        .AddSingleton(parts => new ReceivedTransactions(
            parts.Get<RoomSnapshots>(),
            parts.Get<ServerAccess>(),
            parts.Get<RoomReceiver>(),
            parts.Get<EnteringRooms>(),
            parts.Get<IStrippedRoomEvents>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<ReceivedTransactions>>()))
        .AddSingleton<EnteringRooms>()
        .AddSingleton<ServerAccess>()
        .AddSingleton<ServerVisibility>()
        .AddSingleton<AuthChains>()
        .AddSingleton<ServedStates>()
        .AddSingleton<ServedHistory>()
        .AddSingleton(parts => new ResidentHandshakes(
            parts.Get<RoomSnapshots>(),
            parts.Get<ServerAccess>(),
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<SignatureChecker>(),
            parts.Get<RoomsOptions>()))
        .AddSingleton(parts => new ResidentJoins(
            parts.Get<ResidentHandshakes>(),
            parts.Get<RestrictedJoins>(),
            parts.Get<RoomSender>(),
            parts.Get<RoomReceiver>(),
            parts.Get<EventStore>(),
            parts.Get<ServedHistory>(),
            parts.Get<ReplacedState>(),
            parts.Get<ServerSigner>(),
            parts.Get<PolicyLists>()));

    private static IServiceCollection AddJoining(this IServiceCollection services) => services
        .AddSingleton<AliasResolver>()
        .AddSingleton(parts => new TemplateSigner(parts.Get<ServerSigner>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new JoinedRoomChecker(
            parts.Get<SignatureChecker>(),
            parts.Get<IServerKeys>(),
            parts.Get<ServerSigner>(),
            parts.Get<FederationApi>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<JoinedRoomChecker>>()))
        .AddSingleton(parts => new RoomEntrance(
            parts.Get<LaneDirectory>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<EventAppender>().Writer,
            parts.Get<AuthChainWriter>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<RoomEntrance>>()))
        .AddSingleton(parts => new RemoteJoins(
            parts.Get<FederationApi>(),
            parts.Get<UserRequests>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<TemplateSigner>(),
            parts.Get<JoinedRoomChecker>(),
            parts.Get<RoomEntrance>(),
            parts.Get<RoomReceiver>(),
            parts.Get<EnteringRooms>(),
            parts.Get<MemberContents>(),
            parts.Get<ProfilePropagation>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<RemoteGuests>()
        .AddSingleton(parts => new RoomJoins(
            parts.Get<RoomMemberships>(),
            parts.Get<AliasResolver>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<StateReader>(),
            parts.Get<RemoteJoins>(),
            parts.Get<RemoteGuests>(),
            parts.Get<PolicyLists>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>()));

    private static IServiceCollection AddInviting(this IServiceCollection services) => services
        .AddSingleton(parts => new ReceivedStrippedState(
            parts.Get<SignatureChecker>(), parts.Get<RoomsOptions>(), parts.Get<ILogger<ReceivedStrippedState>>()))
        .AddSingleton(parts => new RemoteInvites(
            parts.Get<FederationApi>(),
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<RoomReceiver>(),
            parts.Get<SignatureChecker>(),
            parts.Get<ServerSigner>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IRemoteMemberships>(parts => new RemoteMemberships(
            parts.Get<RemoteInvites>(),
            parts.Get<FederationApi>(),
            parts.Get<UserRequests>(),
            parts.Get<TemplateSigner>(),
            parts.Get<MemberContents>(),
            parts.Get<ReceivedStrippedState>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<RoomReceiver>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<RemoteMemberships>>()))
        .AddSingleton(parts => new ResidentMemberships(
            parts.Get<ResidentHandshakes>(),
            parts.Get<RoomReceiver>(),
            parts.Get<EventStore>(),
            parts.Get<PolicyLists>()))
        .AddSingleton(parts => new AddressInvites(
            parts.Get<IdentityApi>(),
            parts.Get<RoomMemberships>(),
            parts.Get<RoomSender>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<StateReader>(),
            parts.Get<ILocalUsers>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new ThirdPartyInvites(
            parts.Get<FederationApi>(),
            parts.Get<IdentityKeys>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<ServerAccess>(),
            parts.Get<StateReader>(),
            parts.Get<RoomSender>(),
            parts.Get<EventAppender>(),
            parts.Get<RoomReceiver>(),
            parts.Get<IRemoteMemberships>(),
            parts.Get<ILocalUsers>(),
            parts.Get<PolicyLists>(),
            parts.Get<RoomsOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<ThirdPartyInvites>>()))
        .AddSingleton<IStrippedRoomEvents>(parts => new EndedInvites(
            parts.Get<SignatureChecker>(), parts.Get<IStorage>(), parts.Get<RoomsOptions>()))
        .AddSingleton(parts => new ReceivedInvites(
            parts.Get<RoomSnapshots>(),
            parts.Get<ServerAccess>(),
            parts.Get<EventStore>(),
            parts.Get<SignatureChecker>(),
            parts.Get<ReceivedStrippedState>(),
            parts.Get<IStorage>(),
            parts.Get<ILocalUsers>(),
            parts.Get<ServerSigner>(),
            parts.Get<PolicyLists>(),
            parts.Get<RoomsOptions>()));

    private static IServiceCollection AddReading(this IServiceCollection services) => services
        .AddSingleton(parts => new StateStore(parts.Get<IStorage>().State, parts.Get<RoomsOptions>().StateCacheBytes))
        .AddSingleton(parts => new EventStore(parts.Get<IStorage>().Events, parts.Get<RoomsOptions>().EventCacheBytes))
        .AddSingleton<StateReader>()
        .AddSingleton<RoomChangesReader>()
        .AddSingleton(parts => new RoomSnapshots(
            parts.Get<IStorage>(), parts.Get<EventStore>(), parts.Get<StateStore>(), parts.Get<RoomsOptions>()))
        .AddSingleton(parts => new StateSteps(
            parts.Get<IStorage>().State, parts.Get<RoomsOptions>().StateStepCacheBytes))
        .AddSingleton(parts => new ReplacedState(
            parts.Get<IStorage>().State,
            parts.Get<StateSteps>(),
            parts.Get<IStorage>().Rooms,
            parts.Get<StateStore>()))
        .AddSingleton(parts => new StepEntries(parts.Get<StateSteps>(), parts.Get<StateStore>()))
        .AddSingleton(parts => new MembershipHistory(
            parts.Get<EventStore>(),
            parts.Get<StateStore>(),
            parts.Get<IStorage>().Rooms,
            parts.Get<ReplacedState>()))
        .AddSingleton(parts => new ErasedUsers(parts.Get<MembershipHistory>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new Visibility(
            parts.Get<EventStore>(),
            parts.Get<StepEntries>(),
            parts.Get<ReplacedState>(),
            parts.Get<MembershipHistory>(),
            parts.Get<ErasedUsers>(),
            parts.Get<IStorage>().Rooms))
        .AddSingleton<ClientEvents>()
        .AddSingleton(parts => new Aggregations(
            parts.Get<IStorage>().Relations,
            parts.Get<EventStore>(),
            parts.Get<ILocalUsers>(),
            parts.Get<Visibility>(),
            parts.Get<ReadingOptions>()))
        .AddSingleton<NotifiedEvents>()
        .AddSingleton<NotificationList>()
        .AddSingleton<ThreadSubscriptions>()
        .AddSingleton<ReceiptWriter>()
        .AddSingleton<RoomEnds>()
        .AddSingleton<EarlyReceipts>()
        .AddSingleton(parts => new ReceivedReceipts(
            parts.Get<ServerAccess>(),
            parts.Get<EventStore>(),
            parts.Get<EarlyReceipts>(),
            parts.Get<IStorage>(),
            parts.Get<ReadingOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new RoomAccess(
            parts.Get<RoomSnapshots>(),
            parts.Get<StateReader>(),
            parts.Get<RoomEnds>(),
            parts.Get<MembershipHistory>(),
            parts.Get<IStorage>().Memberships))
        .AddSingleton(parts => new TimelineGaps(parts.Get<EventStore>(), parts.Get<IStorage>().Followers))
        .AddSingleton<EventPages>()
        .AddSingleton<EventTimes>()
        .AddSingleton<MissingTimes>()
        .AddSingleton<RoomTimes>()
        .AddSingleton<SearchIndexer>()
        .AddSingleton<MessageSearch>()
        .AddSingleton<SearchTokens>()
        .AddSingleton<OpenRooms>()
        .AddSingleton<DirectoryIndexer>()
        .AddSingleton<UserSearch>()
        .AddSingleton<RoomSummaries>()
        .AddSingleton<PublishedRooms>()
        .AddSingleton<RemoteHierarchies>()
        .AddSingleton<SummaryAccess>()
        .AddSingleton<SummaryLookup>()
        .AddSingleton<ContentReports>()
        .AddSingleton<ReportLists>()
        .AddSingleton(parts => new RoomGraphs(
            parts.Get<IStorage>().Events, parts.Get<IStorage>().Followers))
        .AddSingleton<RoomLists>()
        .AddSingleton<RoomAdministration>()
        .AddSingleton(parts => new ForwardExtremities(
            parts.Get<DummyEvents>(), parts.Get<EventStore>(), parts.Get<IStorage>()))
        .AddSingleton<JobList>()
        .AddSingleton<JobRunner>()
        .AddSingleton(parts => new RoomDeletion(
            parts.Get<LaneDirectory>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<RoomCreator>(),
            parts.Get<RoomSender>(),
            parts.Get<RoomMemberships>(),
            parts.Get<JobList>(),
            parts.Get<ILocalUsers>(),
            parts.Get<IStorage>(),
            parts.Get<RoomsOptions>(),
            parts.Get<JobOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IJobKind>(parts => parts.Get<RoomDeletion>())
        .AddSingleton<RoomFileUris>()
        .AddSingleton<HistoryPurger>()
        .AddSingleton<HistoryPurge>()
        .AddSingleton<IJobKind>(parts => parts.Get<HistoryPurge>())
        .AddSingleton<UserRedaction>()
        .AddSingleton<IJobKind>(parts => parts.Get<UserRedaction>())
        .AddSingleton<Retention>()
        .AddSingleton<IJobKind>(parts => parts.Get<Retention>())
        .AddSingleton<SpaceHierarchy>();

    private static T Get<T>(this IServiceProvider parts)
        where T : notnull => parts.GetRequiredService<T>();
}
