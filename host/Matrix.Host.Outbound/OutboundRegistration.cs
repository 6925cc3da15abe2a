using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Keys;
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
        .AddSingleton(Federation);

    /// <summary>The consumers of commits.</summary>
    public static IReadOnlyList<IChangeConsumer> OutboundConsumers(this IServiceProvider parts) =>
    [
        parts.Get<OutboundFeed>(),
        parts.Get<CurrentServers>(),
        parts.Get<SharingServers>(),
        parts.Get<ReceiptEdus>(),
        parts.Get<DeviceListEdus>(),
        parts.Get<MessageEdus>(),
    ];

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
