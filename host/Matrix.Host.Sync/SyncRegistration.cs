using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Sync.EventStream;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Sync.V3;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Sync;

/// <summary>Registers the services of sync.</summary>
public static class SyncRegistration
{
    /// <summary>
    /// Adds the services. They need the rooms, the streams, the options of sync and of reading, and a clock.
    /// </summary>
    public static IServiceCollection AddSync(this IServiceCollection services) => services
        .AddSingleton<TimelineReader>()
        .AddSingleton<TimelineExtras>()
        .AddSingleton<StateSection>()
        .AddSingleton(parts => new Heroes(
            parts.GetRequiredService<EventStore>(), parts.GetRequiredService<SyncOptions>().HeroCacheBytes))
        .AddSingleton<RoomWriter>()
        .AddSingleton<EphemeralReader>()
        .AddSingleton<UnreadReader>()
        .AddSingleton<JoinedRooms>()
        .AddSingleton<InvitedRooms>()
        .AddSingleton<LeftRooms>()
        .AddSingleton<RoomPositions>()
        .AddSingleton<RoomInputs>()
        .AddSingleton<RoomSections>()
        .AddSingleton<UpdatedRoomsReader>()
        .AddSingleton<PresenceSection>()
        .AddSingleton<DeviceSections>()
        .AddSingleton<NewEvents>()
        .AddSingleton<RoomInfo>()
        .AddSingleton<EphemeralNews>()
        .AddSingleton<AccountDataNews>()
        .AddSingleton<IPresentUsers>(parts => parts.GetRequiredService<EphemeralNews>())
        .AddSingleton<IEventFeed, EventStreamReader>()
        .AddSingleton<IInitialSync, InitialSyncReader>()
        .AddSingleton<ISync, SyncEngine>()
        .AddSingleton<UserRoomsCache>()
        .AddSingleton<RoomFactsReader>()
        .AddSingleton<UserRoomsReader>()
        .AddSingleton<ListMatcher>()
        .AddSingleton(parts => new BumpStamps(
            parts.GetRequiredService<EventStore>(), parts.GetRequiredService<SyncOptions>().HeroCacheBytes))
        .AddSingleton<RoomContentsReader>()
        .AddSingleton<RoomFields>()
        .AddSingleton<StrippedRoomWriter>()
        .AddSingleton<SlidingRooms>()
        .AddSingleton<ISlidingExtension, ToDeviceExtension>()
        .AddSingleton<ISlidingExtension, E2eeExtension>()
        .AddSingleton<ISlidingExtension, AccountDataExtension>()
        .AddSingleton<ISlidingExtension, ReceiptsExtension>()
        .AddSingleton<ISlidingExtension, TypingExtension>()
        .AddSingleton<ISlidingExtension>(parts => new ThreadSubscriptionsExtension(
            ThreadSubscriptionsExtension.UnstableName, parts.GetRequiredService<ThreadSubscriptions>()))
        .AddSingleton<ISlidingExtension>(parts => new ThreadSubscriptionsExtension(
            ThreadSubscriptionsExtension.StableName, parts.GetRequiredService<ThreadSubscriptions>()))
        .AddSingleton(parts => new SlidingConnections(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<SyncOptions>(),
            parts.GetRequiredService<TimeProvider>()))
        .AddSingleton<ISlidingSync, SlidingEngine>();
}
