using Matrix.Core.Json;
using Matrix.Host.Adapters;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Keys;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.Sessions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The services of rooms over a storage, composed as the host composes them.</summary>
internal sealed class ComposedRooms : IDisposable
{
    private readonly ServiceProvider _parts;

    internal ComposedRooms(
        OpenedStorage storage,
        ServerSigner signer,
        RoomsOptions options,
        ILoggerProvider log,
        Action<IServiceCollection> replaces)
    {
        var network = new NetworkOptions { ServerName = options.ServerName };
        var parts = new ServiceCollection()
            .AddStorage(storage)
            .AddSingleton(signer)
            .AddSingleton<ILocalUsers>(UsersOf)
            .AddSingleton(options)
            .AddSingleton(new ReadingOptions())
            .AddSingleton(new SearchOptions())
            .AddSingleton(new UserDirectoryOptions())
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IServerKeys, NoOtherServers>()
            .AddSingleton(new FederationOperations(new NoOtherServers(), network))
            .AddSingleton(new UserRequests(network, new ServerPaces(network, TimeProvider.System), TimeProvider.System))
            .AddLogging(logging => logging.AddProvider(log))
            .AddRooms()
            .AddSingleton<IPushEvaluation, NoPushEvaluation>();
        replaces(parts);
        _parts = parts.BuildServiceProvider();
        foreach (var consumer in _parts.RoomConsumers()) storage.Writer.AddConsumer(consumer);
    }

    internal RoomSnapshots Rooms => _parts.GetRequiredService<RoomSnapshots>();

    internal EventStore Events => _parts.GetRequiredService<EventStore>();

    internal StateStore States => _parts.GetRequiredService<StateStore>();

    internal RoomLanes Lanes => _parts.GetRequiredService<RoomLanes>();

    internal RoomSender Sender => _parts.GetRequiredService<RoomSender>();

    internal RoomMemberships Memberships => _parts.GetRequiredService<RoomMemberships>();

    internal ForgottenRooms Forgotten => _parts.GetRequiredService<ForgottenRooms>();

    internal RoomAccounts Accounts => _parts.GetRequiredService<RoomAccounts>();

    internal Departures Departures => _parts.GetRequiredService<Departures>();

    internal RoomCreator Creator => _parts.GetRequiredService<RoomCreator>();

    private static LocalUsers UsersOf(IServiceProvider parts)
    {
        var (accounts, data) = (
            parts.GetRequiredService<IAccountsTable>(), parts.GetRequiredService<IAccountDataTable>());
        return new LocalUsers(
            new UserProfiles(
                parts.GetRequiredService<IMembershipsTable>(),
                accounts,
                parts.GetRequiredService<IProfilesTable>(),
                new UsersOptions { ServerName = RoomsWorld.Server }),
            new InviteSetting(data),
            new IgnoredUsers(data, 1 << 20),
            new PushRuleCache(data, 1 << 20),
            new AccountLocks(accounts, new NoAccountPolicy()),
            accounts,
            new RoomsOptions { ServerName = RoomsWorld.Server });
    }

    public void Dispose() => _parts.Dispose();

    private sealed class NoAccountPolicy : IAccountPolicy
    {
        public bool IsEmpty => true;

        public ValueTask<string?> RefusalAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<string?>(null);
    }

    /// <summary>A network without other servers.</summary>
    private sealed class NoOtherServers : IFederationClient, IServerKeys
    {
        private static FederationFailure Nothing { get; } =
            new(FederationFailureKind.Unreachable, 0, "", "There are no other servers.");

        public ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop) =>
            ValueTask.FromResult<FederationResult<JsonObject>>(Nothing);

        public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
            throw new NotSupportedException();

        public ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
            FederationRequest request, CancellationToken stop) =>
            ValueTask.FromResult<FederationResult<ReadOnlyMemory<byte>>>(Nothing);

        public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
            string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyDictionary<string, ServerKey>>(new Dictionary<string, ServerKey>());
    }
}
