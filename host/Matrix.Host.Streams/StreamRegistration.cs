using Matrix.Host.Parts;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Presence;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Streams.Streams.ToDevice;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Streams.Streams.Unread;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Streams;

/// <summary>Registers the notifier and the streams.</summary>
public static class StreamRegistration
{
    /// <summary>Adds the services. They need the storage, the rooms, the options of sync and a clock.</summary>
    public static IServiceCollection AddStreams(this IServiceCollection services) => services
        .Add<IStreamSource, StreamSource>()
        .AddSingleton(Notifier)
        .Add<SyncTokens>()
        .Add<RoomWatches>()
        .Add<TypingBoard>()
        .As<ITypingBoard, TypingBoard>()
        .AddSingleton<INodeTellHandler>(static parts => parts.Get<TypingBoard>().Told!)
        .Add<ReceivedTyping>()
        .Add<IRoomTyping, RoomTyping>()
        .Add<PresenceStream>()
        .As<IPresenceConsumer, PresenceStream>()
        .Add<ImportedPlaces>()
        .Add<TimelinePositions>()
        .Add<TimelineReader>()
        .Add<TimelineExtras>()
        .Add<RoomPositions>()
        .Add<MembershipReader>()
        .Add<StrippedRoomReader>()
        .Add<UnreadCounter>()
        .Add<UnreadReader>()
        .Add<ReceiptReader>()
        .Add<AccountDataReader>()
        .Add<ToDeviceReader>()
        .Add<DeviceListChanges>()
        .Add<KeyCountReader>();

    /// <summary>The streams in the order in which they read a commit, after all caches.</summary>
    public static IReadOnlyList<IChangeConsumer> StreamConsumers(this IServiceProvider parts) => AllStreams.Of(
        parts.Get<Notifier>(), parts.Get<TypingBoard>(),
        parts.Get<UnreadCounter>(), parts.Get<RoomWatches>());

    /// <summary>Ends every long-poll, because the server stops.</summary>
    public static void AnswerLongPolls(this IServiceProvider parts)
    {
        parts.Get<Notifier>().Drain();
        parts.Get<RoomWatches>().Drain();
    }

    private static Notifier Notifier(IServiceProvider parts)
    {
        var notifier = new Notifier(
            parts.Get<IStreamSource>(),
            parts.Get<TimeProvider>(),
            parts.Get<SyncOptions>(),
            parts.Get<IStorageWriter>().PublishedPosition,
            parts.Get<NodeShards>() is { IsNode: true, Self.Incarnation: var start } ? start : null);
        notifier.DeviceLists.Start();
        return notifier;
    }
}
