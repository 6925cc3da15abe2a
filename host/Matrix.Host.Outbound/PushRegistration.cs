using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Parts;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.Unread;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound;

/// <summary>Registers the services that push to push gateways.</summary>
internal static class PushRegistration
{
    /// <summary>
    /// Adds them. They need the network, the rooms, the streams, the storage, <see cref="PushOptions"/>, <see
    /// cref="EmailOptions"/>, logging and a clock.
    /// </summary>
    internal static IServiceCollection AddPush(this IServiceCollection services) => services
        .Add<PushLog>()
        .Add<PusherIndex>()
        .Add<PushFeed>()
        .Add<Badges>()
        .Add<PushedInvites>()
        .Add<PushContents>()
        .AddSingleton(Sender)
        .AddSingleton(Outbound);

    private static PushOutbound Outbound(IServiceProvider parts)
    {
        var options = parts.Get<PushOptions>();
        var email = parts.Get<EmailOptions>();
        var index = parts.Get<PusherIndex>();
        var badges = parts.Get<Badges>();
        var services = new PusherServices(
            options,
            parts.Get<PushersTable>(),
            parts.Get<IStorageWriter>(),
            parts.Get<ShardGates>(),
            parts.Get<StorageLevel>(),
            index,
            parts.Get<PushContents>(),
            badges,
            parts.Get<UrlSender>(),
            new EmailServices(email, parts.Get<Mailer>(), new ConfirmationLimits(
                email.ConfirmationInterval, email.LongestConfirmationInterval, email.MaxConfirmations,
                parts.Get<TimeProvider>())),
            parts.Get<PushLog>(),
            parts.Get<TimeProvider>(),
            CancellationToken.None);
        var pending = new PendingPushes(index, parts.Get<RoomSnapshots>(), parts.Get<MembershipHistory>(), badges);
        var missed = new MissedPushes(
            parts.Get<IEventsTable>(),
            parts.Get<StrippedRoomsTable>(),
            parts.Get<ReceiptsTable>(),
            parts.Get<UnreadTable>(),
            parts.Get<RoomSnapshots>(),
            index,
            options);
        var senders = new PushSenders(services);
        var position = new PushPosition(
            new ShardedPosition(
                "push", parts.Get<NodeShards>(), parts.Get<IConsumersTable>(), parts.Get<ShardPositionsTable>()),
            parts.Get<IStorageWriter>(),
            options);
        return new PushOutbound(
            parts.Get<PushFeed>(),
            index,
            pending,
            missed,
            badges,
            senders,
            new PushedShards(index, parts.Get<PushersTable>(), pending, missed, senders, position),
            parts.Get<ShardGates>(),
            position,
            options,
            parts.Get<PushLog>());
    }

    /// <summary>Push gateways may be in other private networks than other servers.</summary>
    private static UrlSender Sender(IServiceProvider parts) => UrlSender.With(
        parts.Get<NetworkOptions>(),
        parts.Get<PushOptions>().AllowNetworks,
        parts.Get<CertificateTrust>(),
        parts.Get<IDnsResolver>(),
        parts.Get<TimeProvider>(),
        "push");
}
