using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Streams;

/// <summary>Registers the notifier and the streams.</summary>
public static class StreamRegistration
{
    /// <summary>Adds the services. They need the storage, the rooms, the options of sync and a clock.</summary>
    public static IServiceCollection AddStreams(this IServiceCollection services) => services
        .AddSingleton<IStreamSource>(parts => new StreamSource(parts.GetRequiredService<IStorage>().Memberships))
        .AddSingleton(Notifier)
        .AddSingleton<RoomWatches>()
        .AddSingleton<TypingBoard>()
        .AddSingleton<ITypingBoard>(parts => parts.GetRequiredService<TypingBoard>())
        .AddSingleton<ReceivedTyping>()
        .AddSingleton<PresenceStream>()
        .AddSingleton<IPresenceConsumer>(parts => parts.GetRequiredService<PresenceStream>())
        .AddSingleton(parts => new UnreadCounter(
            parts.GetRequiredService<IStorage>(),
            parts.GetRequiredService<Notifier>(),
            parts.GetRequiredService<SyncOptions>().UnreadCacheBytes))
        .AddSingleton<DeviceListChanges>()
        .AddSingleton(parts => new TimelinePositions(
            parts.GetRequiredService<IStorage>().Events, parts.GetRequiredService<TimelineGaps>()));

    /// <summary>The streams in the order in which they read a commit, after all caches.</summary>
    public static IReadOnlyList<IChangeConsumer> StreamConsumers(this IServiceProvider parts) => AllStreams.Of(
        parts.GetRequiredService<Notifier>(), parts.GetRequiredService<TypingBoard>(),
        parts.GetRequiredService<UnreadCounter>(), parts.GetRequiredService<RoomWatches>());

    /// <summary>Ends every long-poll, because the server stops.</summary>
    public static void AnswerLongPolls(this IServiceProvider parts)
    {
        parts.GetRequiredService<Notifier>().Drain();
        parts.GetRequiredService<RoomWatches>().Drain();
    }

    private static Notifier Notifier(IServiceProvider parts)
    {
        var notifier = new Notifier(
            parts.GetRequiredService<IStreamSource>(),
            parts.GetRequiredService<TimeProvider>(),
            parts.GetRequiredService<SyncOptions>(),
            parts.GetRequiredService<IStorage>().Writer.PublishedPosition);
        notifier.DeviceLists.Start();
        return notifier;
    }
}
