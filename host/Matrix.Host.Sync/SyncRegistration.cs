using Matrix.Host.Parts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Streams;
using Matrix.Host.Sync.EventStream;
using Matrix.Host.Sync.Responses;
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
        .Add<StateSection>()
        .AddSingleton(parts => new Heroes(parts.Get<EventStore>(), parts.Get<SyncOptions>().HeroCacheBytes))
        .Add<RoomEvents>()
        .Add<RoomWriter>()
        .Add<EphemeralSection>()
        .Add<JoinedRooms>()
        .Add<InvitedRooms>()
        .Add<LeftRooms>()
        .Add<RoomInputs>()
        .Add<AccountDataSection>()
        .Add<RoomSections>()
        .Add<UpdatedRoomsReader>()
        .Add<PresenceSection>()
        .Add<DeviceSections>()
        .Add<NewEvents>()
        .Add<AccountDataWriter>()
        .Add<RoomInfo>()
        .Add<InitialInvites>()
        .Add<EphemeralNews>()
        .Add<AccountDataNews>()
        .As<IPresentUsers, EphemeralNews>()
        .Add<EventChunkWriter>()
        .Add<RoomEventReader>()
        .Add<IEventFeed, EventStreamReader>()
        .Add<IInitialSync, InitialSyncReader>()
        .Add<ISync, SyncEngine>()
        .Add<UserRoomsCache>()
        .Add<FilteredRoomReader>()
        .Add<UserRoomsReader>()
        .Add<ListMatcher>()
        .AddSingleton(parts => new BumpStamps(parts.Get<EventStore>(), parts.Get<SyncOptions>().HeroCacheBytes))
        .Add<RoomContentsReader>()
        .Add<RoomFields>()
        .Add<StrippedRoomWriter>()
        .Add<SlidingRooms>()
        .Add<ISlidingExtension, ToDeviceExtension>()
        .Add<ISlidingExtension, E2eeExtension>()
        .Add<ISlidingExtension, AccountDataExtension>()
        .Add<ISlidingExtension, ReceiptsExtension>()
        .Add<ISlidingExtension, TypingExtension>()
        .AddSingleton<ISlidingExtension>(parts => new ThreadSubscriptionsExtension(
            ThreadSubscriptionsExtension.UnstableName, parts.Get<ThreadSubscriptions>()))
        .AddSingleton<ISlidingExtension>(parts => new ThreadSubscriptionsExtension(
            ThreadSubscriptionsExtension.StableName, parts.Get<ThreadSubscriptions>()))
        .Add<SlidingConnections>()
        .Add<ISlidingSync, SlidingEngine>();
}
