using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host;

/// <summary>The rooms' parts, for the composition root.</summary>
internal static class RoomServices
{
    /// <summary>Adds them, by the types that endpoints ask for. What evaluates push rules is added apart.</summary>
    internal static IServiceCollection AddRooms(
        this IServiceCollection services, RoomsOptions options, Func<IServiceProvider, ServerSigner> signer) => services
        .AddSingleton(parts => new RoomEngine(
            parts.GetRequiredService<IStorage>(),
            signer(parts),
            parts.GetRequiredService<IPushEvaluation>(),
            options,
            parts.GetRequiredService<TimeProvider>()))
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Rooms)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Events)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().States)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Current)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Sender)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Memberships)
        .AddSingleton(parts => parts.GetRequiredService<RoomEngine>().Creator)
        .AddSingleton<IAccountObserver>(parts => parts.GetRequiredService<RoomEngine>().Accounts)
        .AddSingleton(parts => parts.GetRequiredService<IStorage>().Aliases);
}
