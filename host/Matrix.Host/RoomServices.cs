using Matrix.Host.Configuration;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Sync.V3;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host;

/// <summary>The rooms' parts, and those of sync over them, for the composition root.</summary>
internal static class RoomServices
{
    /// <summary>Adds them, by the types that endpoints ask for.</summary>
    internal static IServiceCollection AddRooms(this IServiceCollection services, HomeserverConfig config, SigningKey key) => services
        .AddSingleton(config.Rooms)
        .AddSingleton(config.Sync)
        .AddSingleton(config.Reading)
        .AddSingleton(new ServerSigner(config.ServerName, key.Id, key.Key))
        .AddSingleton(parts => new PushRuleCache(parts.GetRequiredService<IStorage>().AccountData, config.Sync.PushRuleCacheBytes))
        .AddSingleton<IPushEvaluation, PushEvaluation>()
        .AddSingleton<RoomEngine>()
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Rooms)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Events)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().States)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Current)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Transactions)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Sender)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Memberships)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Creator)
        .AddSingleton<IAccountObserver>(parts => parts.GetRequiredService<RoomEngine>().Accounts)
        .AddSingleton(parts => parts.GetRequiredService<IStorage>().Aliases)
        .AddSingleton<DeviceListChanges>()
        .AddSingleton<RoomSync>()
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Sync)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Typing)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Receipts)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().ClientEvents)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Visibility)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Replaced)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().History)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Ignored)
        .AddSingleton(config.Storage)
        .AddSingleton(parts => parts.GetRequiredService<RoomSync>().Aggregations)
        .AddSingleton(parts => new RoomAccess(
            parts.GetRequiredService<RoomSnapshots>(),
            parts.GetRequiredService<StateReader>(),
            parts.GetRequiredService<StateStore>(),
            parts.GetRequiredService<MembershipHistory>(),
            parts.GetRequiredService<IStorage>().Memberships))
        .AddSingleton(parts => new TimelinePositions(parts.GetRequiredService<IStorage>().Events))
        .AddSingleton<EventPages>();
}
