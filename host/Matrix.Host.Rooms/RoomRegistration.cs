using Matrix.Host.Parts;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.CommandRunners;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Inspecting;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Rooms.Notifications;
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
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.State;
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
        services.AddCommands().AddDeciding().AddReceiving().AddJoining().AddInviting().AddReading();

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
        parts.Get<Departures>(),
        parts.Get<GuestDepartures>(),
    ];

    /// <summary>Loads the data that must be in memory before the first request.</summary>
    public static async ValueTask LoadRoomsAsync(this IServiceProvider parts, CancellationToken stop)
    {
        await parts.Get<ErasedUsers>().LoadAsync(stop);
        await parts.Get<DelayedEvents>().LoadAsync(stop);
    }

    private static IServiceCollection AddCommands(this IServiceCollection services) => services
        .Add<RoomCommands>()
        .Add<RoomCommandRunner>()
        .AddSingleton<IShardCallHandler>(static parts => new CommandHandler<RoomCommand>(
            RoomCommandFormats.All,
            ShardCallKind.Room,
            RoomCommands.OwnerOf,
            parts.Get<ShardGates>(),
            // When it is asked: what carries a command out may itself ask other nodes.
            (command, stop) => parts.Get<RoomCommandRunner>().RunAsync(command, stop),
            parts.Get<ILogger<RoomCommandRunner>>()));

    private static IServiceCollection AddDeciding(this IServiceCollection services) => services
        .AddSingleton(parts => parts.Get<RoomsOptions>().Receiving)
        .AddSingleton(parts => parts.Get<RoomsOptions>().Delays)
        .Add<ThreadSubscribers>()
        .As<IThreadSubscribers, ThreadSubscribers>()
        .Add<IPushEvaluation, PushEvaluation>()
        .Add<ReceivedEventCounts>()
        .Add<LaneLoader>()
        .Add<LookUpReader>()
        .Add<RoomResolutions>()
        .Add<OpenRequests>()
        .Add<LaneDirectory>()
        .Add<RoomLanes>()
        .Add<AuthChainWriter>()
        .Add<EventAppender>()
        .AddSingleton(parts => parts.Get<EventAppender>().State)
        .AddSingleton(parts => parts.Get<EventAppender>().Writer)
        .Add<MemberContents>()
        .Add<TransactionLog>()
        .Add<RoomSender>()
        .Add<ProfilePropagation>()
        .Add<RestrictedJoins>()
        .Add<LocalJoins>()
        .Add<MembershipChanges>()
        .Add<InviteRefusals>()
        .Add<NoticeInvites>()
        .Add<RoomMemberships>()
        .Add<ForgottenRooms>()
        .Add<SuspendedUsers>()
        .Add<DelayedEvents>()
        .Add<Departures>()
        .Add<GuestDepartures>()
        .Add<RoomAccounts>()
        .Add<PolicyLists>()
        .Add<PolicyRooms>()
        .Add<NoticeTag>()
        .Add<NoticeRooms>()
        .Add<ServerNotices>()
        .Add<RoomAliasDirectory>()
        .Add<Storage.Tables.Rooms.RoomNumbers>()
        .Add<NewRoomIds>()
        .Add<RoomCreator>()
        .Add<RoomUpgrades>()
        .Add<RoomFollowers>();

    private static IServiceCollection AddReceiving(this IServiceCollection services) => services
        .Add<SignatureChecker>()
        .Add<FetchSlots>()
        .Add<RepeatedTasks>()
        .Add<DummyEvents>()
        .Add<StagedBytes>()
        .Add<RoomReceiver>()
        .As<IMachineInputs, RoomReceiver>()
        .Add<MissingEventsFetcher>()
        .Add<HistoryWalker>()
        .Add<IMissingHistory, MissingHistory>()
        .Add<ReceivedRoomEvents>()
        .Add<ReceivedTransactions>()
        .Add<EnteringRooms>()
        .Add<ServerAccess>()
        .Add<ServerVisibility>()
        .Add<AuthChains>()
        .Add<ServedStates>()
        .Add<ServedHistory>()
        .Add<ResidentHandshakes>()
        .Add<ResidentJoins>();

    private static IServiceCollection AddJoining(this IServiceCollection services) => services
        .Add<AliasResolver>()
        .Add<TemplateSigner>()
        .Add<JoinedRoomChecker>()
        .Add<JoinedRoomWriter>()
        .Add<JoinHandshake>()
        .Add<RoomArrivals>()
        .Add<RemoteJoins>()
        .Add<RemoteGuests>()
        .Add<RoomJoins>();

    private static IServiceCollection AddInviting(this IServiceCollection services) => services
        .Add<ReceivedStrippedState>()
        .Add<RemoteInvites>()
        .Add<RemoteKnocks>()
        .Add<LeaveHandshakes>()
        .Add<RemoteLeaves>()
        .Add<IRemoteMemberships, RemoteMemberships>()
        .Add<ResidentMemberships>()
        .Add<AddressInvites>()
        .Add<ThirdPartyProofs>()
        .Add<ProvenInvites>()
        .Add<ThirdPartyInvites>()
        .Add<BoundInvites>()
        .Add<IStrippedRoomEvents, EndedInvites>()
        .Add<InviteChecks>()
        .Add<InviteStore>()
        .Add<ReceivedInvites>();

    private static IServiceCollection AddReading(this IServiceCollection services) => services
        .AddSingleton(parts => new StateStore(parts.Get<IStateTable>(), parts.Get<RoomsOptions>().StateCacheBytes))
        .AddSingleton(parts => new EventStore(parts.Get<IEventsTable>(), parts.Get<RoomsOptions>().EventCacheBytes))
        .Add<StateReader>()
        .Add<RoomChangesReader>()
        .Add<RoomSnapshots>()
        .AddSingleton(parts => new StateSteps(parts.Get<IStateTable>(), parts.Get<RoomsOptions>().StateStepCacheBytes))
        .Add<ReplacedState>()
        .Add<StepEntries>()
        .Add<MembershipHistory>()
        .Add<ErasedUsers>()
        .Add<Visibility>()
        .Add<ClientEvents>()
        .Add<Aggregations>()
        .Add<NotifiedEvents>()
        .Add<NotificationList>()
        .Add<ThreadSubscriptions>()
        .Add<ReceiptWriter>()
        .Add<RoomEnds>()
        .Add<EarlyReceipts>()
        .Add<ReceivedReceipts>()
        .Add<RoomAccess>()
        .Add<TimelineGaps>()
        .Add<EventPages>()
        .Add<EventTimes>()
        .Add<MissingTimes>()
        .Add<RoomTimes>()
        .Add<SearchIndexer>()
        .Add<MessageSearch>()
        .Add<SearchTokens>()
        .Add<OpenRooms>()
        .Add<DirectoryIndexer>()
        .Add<UserSearch>()
        .Add<RoomSummaries>()
        .Add<PublishedRooms>()
        .Add<RemoteHierarchies>()
        .Add<SummaryAccess>()
        .Add<SummaryLookup>()
        .Add<ContentReports>()
        .Add<ReportLists>()
        .Add<RoomGraphs>()
        .Add<RoomLists>()
        .Add<RoomAdministration>()
        .Add<ForwardExtremities>()
        .Add<JobList>()
        .Add<JobRunner>()
        .Add<RoomEviction>()
        .Add<RoomRemoval>()
        .Add<RoomDeletion>()
        .As<IJobKind, RoomDeletion>()
        .Add<RoomFileUris>()
        .Add<HistoryPurger>()
        .Add<HistoryPurge>()
        .As<IJobKind, HistoryPurge>()
        .Add<UserRedaction>()
        .As<IJobKind, UserRedaction>()
        .Add<Retention>()
        .As<IJobKind, Retention>()
        .Add<SpaceHierarchy>();
}
