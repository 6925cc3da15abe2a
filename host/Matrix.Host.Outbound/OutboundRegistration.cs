using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Urls;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Outbound.ThirdParty;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Keys;
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
        .AddSingleton<OutboundMetrics>()
        .AddSingleton(parts => new TransactionSender(
            parts.Get<FederationApi>(), parts.Get<EventStore>(), parts.Get<IStorage>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new CurrentServers(
            parts.Get<RoomSnapshots>(), parts.Get<IStorage>(), parts.Get<ServerFilter>(), parts.Get<OutboundOptions>()))
        .AddSingleton(parts => new TypingEdus(parts.Get<CurrentServers>(), parts.Get<OutboundOptions>()))
        .AddSingleton(parts => new ReceiptEdus(
            parts.Get<CurrentServers>(), parts.Get<OutboundOptions>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new MessageEdus(
            parts.Get<IStorage>(),
            parts.Get<OutboundOptions>(),
            parts.Get<OutboundMetrics>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<MessageEdus>>()))
        .AddSingleton<IEduSource>(parts => parts.Get<TypingEdus>())
        .AddSingleton<IEduSource>(parts => parts.Get<ReceiptEdus>())
        .AddSingleton<IEduSource>(parts => parts.Get<MessageEdus>())
        .AddSingleton(parts => new SharingServers(
            parts.Get<IStorage>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<CurrentServers>(),
            parts.Get<OutboundOptions>()))
        .AddSingleton(parts => new DeviceListEdus(
            parts.Get<IStorage>(),
            parts.Get<DeviceListUpdates>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<SharingServers>(),
            parts.Get<ServerFilter>(),
            parts.Get<KeyOptions>(),
            parts.Get<OutboundOptions>()))
        .AddSingleton<IEduSource>(parts => parts.Get<DeviceListEdus>())
        .AddSingleton(parts => new PresenceEdus(
            parts.Get<PresenceBoard>(),
            parts.Get<CurrentServers>(),
            parts.Get<SharingServers>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<ServerFilter>(),
            parts.Get<PresenceOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IEduSource>(parts => parts.Get<PresenceEdus>())
        .AddSingleton<IPresenceConsumer>(parts => parts.Get<PresenceEdus>())
        .AddSingleton(parts => new EduSources(parts.GetServices<IEduSource>()))
        .AddSingleton(parts => new DestinationServices(
            parts.Get<OutboundOptions>(),
            parts.Get<TransactionSender>(),
            parts.Get<EduSources>(),
            parts.Get<OutboundMetrics>(),
            parts.Get<IStorage>(),
            parts.Get<NetworkOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<DestinationServices>>()))
        .AddSingleton(parts => new OutboundFeed(
            parts.Get<RoomChangesReader>(), parts.Get<IStorage>(), parts.Get<OutboundOptions>()))
        .AddSingleton<ThirdPartyNetworks>()
        .AddSingleton(Federation)
        .AddPush()
        .AddAppServices();

    /// <summary>The consumers of commits.</summary>
    public static IReadOnlyList<IChangeConsumer> OutboundConsumers(this IServiceProvider parts) =>
    [
        parts.Get<OutboundFeed>(),
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
        .AddSingleton(parts => new AppServiceClient(
            parts.Get<OperatorUrlClient>(), parts.Get<AppServiceOptions>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new AppServiceQueries(
            parts.Get<AppServiceDirectory>(),
            parts.Get<AppServiceClient>(),
            parts.Get<AppServiceOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IUserQueries>(parts => parts.Get<AppServiceQueries>())
        .AddSingleton<IAliasQueries>(parts => parts.Get<AppServiceQueries>())
        .AddSingleton<IThirdPartyNetwork>(parts => new ServiceNetworks(
            parts.Get<AppServiceDirectory>(), parts.Get<AppServiceQueries>()))
        .AddSingleton(parts => new ServiceParts(
            parts.Get<AppServiceOptions>(),
            parts.Get<AppServiceDirectory>(),
            parts.Get<AppServiceClient>(),
            new ServiceTransactions(
                parts.Get<EventStore>(), parts.Get<ReplacedState>(), parts.Get<TimeProvider>()),
            new SharedPages(parts.Get<RoomChangesReader>()),
            parts.Get<IStorage>(),
            parts.Get<EventStore>(),
            parts.Get<StateStore>(),
            parts.Get<RoomSnapshots>(),
            parts.Get<PresenceBoard>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<ServiceParts>>()))
        .AddSingleton(parts => new AppServiceOutbound(
            parts.Get<AppServiceDirectory>(),
            parts.Get<ServiceParts>(),
            new SendQueue(
                parts.Get<AppServiceOptions>().MaxSending,
                parts.Get<AppServiceOptions>().MaxSendingLimited,
                parts.Get<OutboundOptions>().SlowAfter,
                parts.Get<TimeProvider>())))
        .AddSingleton<IPresenceConsumer>(parts => parts.Get<AppServiceOutbound>())
        .AddSingleton(parts => new AppServicePings(
            parts.Get<AppServiceClient>(),
            parts.Get<AppServiceOutbound>(),
            parts.Get<AppServiceOptions>(),
            parts.Get<TimeProvider>()));

    private static FederationOutbound Federation(IServiceProvider parts)
    {
        var options = parts.Get<OutboundOptions>();
        var time = parts.Get<TimeProvider>();
        var feed = parts.Get<OutboundFeed>();
        var metrics = parts.Get<OutboundMetrics>();
        var queue = new SendQueue(options.MaxSending, options.MaxSendingLimited, options.SlowAfter, time);
        var rooms = new RoomServers(
            parts.Get<IStorage>(),
            parts.Get<EventStore>(),
            parts.Get<StateStore>(),
            parts.Get<ServerFilter>(),
            options);
        var destinations = new Destinations(queue, parts.Get<DestinationServices>(), parts.Get<IStorage>());
        var recorder = new Recorder(feed, destinations, parts.Get<IStorage>(), metrics, options, time);
        return new FederationOutbound(
            feed, rooms, destinations, parts.Get<EduSources>(), parts.Get<TypingEdus>(), recorder, queue, metrics,
            options, time,
            parts.Get<ILogger<FederationOutbound>>());
    }

    private static T Get<T>(this IServiceProvider parts)
        where T : notnull => parts.GetRequiredService<T>();
}
