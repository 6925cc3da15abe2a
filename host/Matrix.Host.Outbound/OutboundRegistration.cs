using Matrix.Core.Federation;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Outbound.ThirdParty;
using Matrix.Host.Parts;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound;

/// <summary>Registers the services that send to other servers.</summary>
public static class OutboundRegistration
{
    /// <summary>
    /// Adds them. They need the network, the rooms, the users, the storage, <see cref="OutboundOptions"/>, logging and
    /// a clock.
    /// </summary>
    public static IServiceCollection AddOutbound(this IServiceCollection services) => services
        .Add<OutboundMetrics>()
        .Add<TransactionSender>()
        .Add<CurrentServers>()
        .Add<TypingEdus>()
        .AddSingleton(parts => new MissedReceipts(
            parts.Get<RoomsTable>(), parts.Get<ReceiptsTable>(), parts.Get<OutboundOptions>().ServerName))
        .Add<ReceiptEdus>()
        .Add<MessageEdus>()
        .As<IEduSource, TypingEdus>()
        .As<IEduSource, ReceiptEdus>()
        .As<IEduSource, MessageEdus>()
        .Add<SharingServers>()
        .Add<DeviceListEdus>()
        .As<IEduSource, DeviceListEdus>()
        .Add<PresenceEdus>()
        .As<IEduSource, PresenceEdus>()
        .As<IPresenceConsumer, PresenceEdus>()
        .Add<EduSources>()
        .Add<DestinationServices>()
        .Add<OutboundEventFeed>()
        .Add<ThirdPartyNetworks>()
        .AddSingleton(Federation)
        .AddPush()
        .AddAppServices();

    /// <summary>The consumers of commits.</summary>
    public static IReadOnlyList<IChangeConsumer> OutboundConsumers(this IServiceProvider parts) =>
    [
        parts.Get<OutboundEventFeed>(),
        parts.Get<CurrentServers>(),
        parts.Get<SharingServers>(),
        parts.Get<ReceiptEdus>(),
        parts.Get<PresenceEdus>(),
        parts.Get<DeviceListEdus>(),
        parts.Get<MessageEdus>(),
        parts.Get<PushFeed>(),
        parts.Get<AppServiceOutbound>(),
    ];

    private static IServiceCollection AddAppServices(this IServiceCollection services) => services
        .Add<AppServiceClient>()
        .Add<AppServiceQueries>()
        .As<IUserQueries, AppServiceQueries>()
        .As<IAliasQueries, AppServiceQueries>()
        .Add<IThirdPartyNetwork, ServiceNetworks>()
        .Add<ServiceTransactions>()
        .Add<SharedPages>()
        .Add<AppServiceContext>()
        .AddSingleton(parts => new AppServiceOutbound(
            parts.Get<AppServiceDirectory>(),
            parts.Get<AppServiceContext>(),
            new SendQueue(
                parts.Get<AppServiceOptions>().MaxSending,
                parts.Get<AppServiceOptions>().MaxSendingLimited,
                parts.Get<OutboundOptions>().SlowAfter,
                parts.Get<StorageLevel>(),
                parts.Get<TimeProvider>())))
        .As<IPresenceConsumer, AppServiceOutbound>()
        .Add<AppServicePings>();

    private static FederationOutbound Federation(IServiceProvider parts)
    {
        var options = parts.Get<OutboundOptions>();
        var time = parts.Get<TimeProvider>();
        var feed = parts.Get<OutboundEventFeed>();
        var metrics = parts.Get<OutboundMetrics>();
        var queue = new SendQueue(
            options.MaxSending, options.MaxSendingLimited, options.SlowAfter, parts.Get<StorageLevel>(), time);
        var rooms = new RoomServers(
            parts.Get<RoomsTable>(),
            parts.Get<IMembershipsTable>(),
            parts.Get<EventStore>(),
            parts.Get<StateStore>(),
            parts.Get<ServerFilter>(),
            options);
        var destinations = new Destinations(
            queue, parts.Get<DestinationServices>(), parts.Get<IEventsTable>(), parts.Get<DestinationsTable>());
        var recorder = new Recorder(
            feed,
            destinations,
            new ShardedPosition(
                "federation",
                parts.Get<NodeShards>(),
                parts.Get<IConsumersTable>(),
                parts.Get<ShardPositionsTable>()),
            parts.Get<IStorageWriter>(),
            metrics,
            options,
            time);
        return new FederationOutbound(
            feed, rooms, destinations, parts.Get<EduSources>(), parts.Get<TypingEdus>(), recorder, queue,
            parts.Get<ShardGates>(), metrics, options, time,
            parts.Get<ILogger<FederationOutbound>>());
    }
}
