using System.Net;
using System.Net.Sockets;
using Matrix.Host.Adapters;
using Matrix.Host.Api.Admin;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Federation;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.AppServices;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Joining;
using Matrix.Host.Cluster.Routing;
using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Matrix.Host.Listeners;
using Matrix.Host.Media;
using Matrix.Host.Media.Remote;
using Matrix.Host.Media.Store;
using Matrix.Host.Metrics;
using Matrix.Host.Network;
using Matrix.Host.Outbound;
using Matrix.Host.Outbound.AppServices;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Push;
using Matrix.Host.Parts;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Joining;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Sync;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Users;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Guests;
using Matrix.Host.Users.Presence;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.PushRules;
using Matrix.Host.Users.RemoteKeys;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;
using Matrix.Host.Users.ThirdPartyIds.Messages;
using Matrix.Host.Users.ToDevice;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>A running homeserver with all its parts. Disposing stops it.</summary>
internal sealed class Homeserver : IAsyncDisposable
{
    // The time that running requests have to end; long-polls end at once. A stop may take five seconds in all.
    private static readonly TimeSpan _drainTime = TimeSpan.FromSeconds(3.5);

    // A server that may not write any more gives nothing away, and can complete no request: its supervisor waits.
    private static readonly TimeSpan _forbiddenDrainTime = TimeSpan.FromSeconds(1);

    private readonly WebApplication _app;
    private readonly OpenedStorage _storage;
    private readonly MediaFolder _media;

    private Homeserver(WebApplication app, OpenedStorage storage, MediaFolder media)
    {
        _app = app;
        _storage = storage;
        _media = media;
    }

    /// <summary>The address of the client listener; null if there is none.</summary>
    internal Uri? ClientAddress { get; private set; }

    /// <summary>The address of the listener of the administration API; null if it has none of its own.</summary>
    internal Uri? AdminAddress { get; private set; }

    /// <summary>The addresses at which other servers are served, that of the federation listener first.</summary>
    internal IReadOnlyList<Uri> FederationAddresses { get; private set; } = [];

    /// <summary>The first user's registration token; null once a user exists.</summary>
    internal string? FirstUserToken { get; private set; }

    /// <summary>
    /// The page on which the first user registers, with the token in its fragment; null if there is no page or token.
    /// </summary>
    internal string? FirstUserLink { get; private set; }

    /// <summary>Waits for a stop. False if the server stops by itself, because one of its parts failed.</summary>
    internal async Task<bool> RunsUntilAsync(CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, _app.Lifetime.ApplicationStopping);
        await Task.Delay(Timeout.Infinite, ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // The web host stops on a signal too, perhaps before whoever waits here has seen it.
        return stop.IsCancellationRequested
            || !_app.Services.GetServices<IHostedService>().Any(static part => part is BackgroundService
            {
                ExecuteTask.IsFaulted: true,
            });
    }

    /// <summary>The parts, for tests.</summary>
    internal IServiceProvider Services => _app.Services;

    /// <summary>Opens the database, composes the parts and listens.</summary>
    /// <param name="replace">Replaces parts, in tests.</param>
    internal static async Task<Homeserver> StartAsync(
        HomeserverConfig config,
        ILoggerProvider log,
        TimeProvider clock,
        CancellationToken stop,
        Action<IServiceCollection>? replace = null)
    {
        var keys = LoadKeys(config, clock);
        var certificate = config is { Tls: { } files, FederationListener: not null }
            ? TlsCertificate.Load(files)
            : null;
        var registrations = new AppServiceFiles(
            config.AppServiceFiles, config.ServerName, config.MaxAppServices, config.MaxNamespaces);
        var services = new AppServiceDirectory(registrations.Load());
        var starting = log.CreateLogger(typeof(TakenOver).FullName!);
        var storage = await StorageEngine.OpenAsync(
            config.Storage with
            {
                Time = clock,
                OnStandBy = node => TakenOver.StandsBy(starting, node),
                Terms = new NodeTerms
                {
                    Version = typeof(Homeserver).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "",
                    Settings = ComparedSettings.Of(config, keys.Keys),
                },
            },
            stop);
        WebApplication? app = null;
        MediaFolder? media = null;
        try
        {
            await FirstStart.CheckAsync(
                storage, config.DataDir, log.CreateLogger(typeof(FirstStart).FullName!), stop);

            // After the database, which belongs to one server, or to its nodes, as the folder does.
            media = await MediaFolder.OpenAsync(
                config.Media, log.CreateLogger(typeof(MediaFolder).FullName!),
                new SharedFolder(storage.Media, storage.Writer), stop);
            DataFolder.WarnOfOthers(config, log.CreateLogger(typeof(DataFolder).FullName!));
            app = Compose(config, keys, certificate, media, storage, log, clock, parts =>
            {
                parts.AddSingleton(registrations).AddSingleton(services);
                replace?.Invoke(parts);
            });
            var server = new Homeserver(app, storage, media);
            await app.Services.LoadRoomsAsync(stop);
            await app.Services.Get<RateOverrides>().LoadAsync(stop);
            await app.Services.Get<ShardOwners>().LoadAsync(stop);
            await app.Services.Get<ImportedPositions>().LoadAsync(stop);
            await ListenAsync(app, config, stop);
            server.FindAddresses(config, certificate is null ? "http" : "https");
            server.FirstUserToken = await app.Services.Get<RegistrationGate>().FirstUserTokenAsync(stop);
            server.FirstUserLink = server.LinkOfFirstUser(config);
            return server;
        }
        catch
        {
            // If it cannot listen, its services have begun, and use the storage.
            if (app is not null)
            {
                await app.StopAsync(CancellationToken.None);
                await app.DisposeAsync();
            }

            media?.Dispose();
            await storage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes running requests, accepts no more, and closes the database.</summary>
    public async ValueTask DisposeAsync()
    {
        using var most = new CancellationTokenSource(IsForbidden ? _forbiddenDrainTime : Timeout.InfiniteTimeSpan);
        await _app.StopAsync(most.Token);
        await _app.DisposeAsync();
        _media.Dispose();
        await _storage.DisposeAsync();
    }

    /// <summary>Whether others have taken the database over, or have declared this node dead.</summary>
    private bool IsForbidden =>
        _storage.Lost.IsCompleted || _app.Services.GetService<ClusterNode>() is { Death.IsCompleted: true };

    private string? LinkOfFirstUser(HomeserverConfig config)
    {
        if (FirstUserToken is null || ClientAddress is null || !config.Users.OAuth.HasPages) return null;
        var address = config.Client.PublicBaseUrl.Length > 0 ? config.Client.PublicBaseUrl : ClientAddress.ToString();
        return $"{address.TrimEnd('/')}{ClientApi.SignUpPath}#token={FirstUserToken}";
    }

    private static SigningKeyRing LoadKeys(HomeserverConfig config, TimeProvider clock)
    {
        if (config.Storage.Node.Length > 0 && !File.Exists(config.SigningKeyFile))
        {
            // A new key would be another one than that of the machine that serves.
            throw new IOException(
                $"cluster.node: {config.SigningKeyFile} is missing. Copy it from the machine that serves, or start "
                + "once without cluster.node.");
        }

        try
        {
            OwnFiles.MakeFolder(config.DataDir);
            var keys = SigningKeyFile.LoadOrCreate(config.SigningKeyFile);
            if (keys.HasOpenEnd)
            {
                keys = keys.EndedAt(clock.GetUtcNow().ToUnixTimeMilliseconds());
                SigningKeyFile.Replace(config.SigningKeyFile, keys);
            }

            return new SigningKeyRing(keys);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"data_dir: {config.DataDir} cannot be used: {fault.Message}", fault);
        }
    }

    private static async Task ListenAsync(WebApplication app, HomeserverConfig config, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop);
        }
        catch (Exception fault) when (fault is IOException or SocketException)
        {
            // The web server names the address only if its port is taken.
            var addresses = string.Join(
                " and ",
                new[]
                {
                    config.ClientListener, config.FederationListener, config.AdminListener, config.MetricsListener,
                }
                    .Where(listener => listener is not null));
            var why = fault.InnerException is AddressInUseException
                ? fault.Message
                : $"cannot listen on {addresses}: {fault.Message}";
            throw new IOException($"listeners: {why}", fault);
        }
    }

    private static WebApplication Compose(
        HomeserverConfig config,
        SigningKeyRing keys,
        TlsCertificate? certificate,
        MediaFolder media,
        OpenedStorage storage,
        ILoggerProvider log,
        TimeProvider clock,
        Action<IServiceCollection> complete)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        // Hosting's messages are off: with them hosting would also create an unused activity for each request. A failed
        // start is reported in one line by the caller. The web server's messages about single connections are not for
        // operators.
        builder.Logging.AddProvider(log).SetMinimumLevel(config.LogLevel)
            .AddFilter("Microsoft", (LogLevel)Math.Max((int)config.LogLevel, (int)LogLevel.Warning))
            .AddFilter("Yarp", LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        var control = ControlSocket.Prepare(config);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => KestrelListeners.Open(kestrel, config, certificate, control));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout =
            storage.Link is null ? _drainTime : _drainTime + ClusterMember.LongestLeave);

        builder.Services
            .AddSingleton(clock)
            .AddSingleton(keys)
            .AddStorage(storage);
        AddOptions(builder.Services, config);
        AddParts(builder.Services, config, keys, media);
        if (storage.Link is { } link) AddCluster(builder.Services, config, storage, link);
        AddRunning(builder.Services);
        builder.Services.AddSingleton(parts => new RequestDispatch(
            parts.Get<ClientServer>(),
            config.ServesFederation ? parts.Get<FederationServer>() : null,
            parts.Get<MetricsPage>(),
            storage.Link is null ? null : parts.Get<ForwardedRequests>(),
            config.FederationOnClient,
            adminApart: config.AdminListener is not null));
        if (storage.Link is not null) builder.Services.Runs<ShardKeeper>();
        if (certificate is not null) builder.Services.AddSingleton(certificate).Add<TlsReloads>().Runs<TlsReloads>();
        complete(builder.Services);

        var app = builder.Build();

        // Added before anything is written. Long-polls must not delay a stop.
        var writer = app.Services.Get<IStorageWriter>();
        foreach (var consumer in Consumers(app.Services)) writer.AddConsumer(consumer);
        app.Lifetime.ApplicationStopping.Register(app.Services.AnswerLongPolls);
        var dispatch = app.Services.Get<RequestDispatch>();
        ((IApplicationBuilder)app).Run(http => dispatch.AnswerAsync(http));
        return app;
    }

    /// <summary>The settings, by the part that they are for.</summary>
    private static void AddOptions(IServiceCollection services, HomeserverConfig config) => services
        .AddSingleton(config)
        .AddSingleton(config.Http)
        .AddSingleton(config.Rates)
        .AddSingleton(config.Client)
        .AddSingleton(new PageOptions(
            config.Client.PublicBaseUrl.StartsWith("https:", StringComparison.Ordinal),
            config.ServerName,
            config.Client.PublicBaseUrl,
            HasAdminPage: config.AdminListener is null))
        .AddSingleton(config.Federation)
        .AddSingleton(config.Rooms)
        .AddSingleton(config.Admin)
        .AddSingleton(config.Jobs)
        .AddSingleton(config.Retention)
        .AddSingleton(config.Media)
        .AddSingleton(config.Sync)
        .AddSingleton(config.Reading)
        .AddSingleton(config.Search)
        .AddSingleton(config.UserDirectory)
        .AddSingleton(config.Storage)
        .AddSingleton(config.Network)
        .AddSingleton(config.Outbound)
        .AddSingleton(config.Presence)
        .AddSingleton(config.Push)
        .AddSingleton(config.Mail)
        .AddSingleton(config.Email)
        .AddSingleton(config.TextMessages)
        .AddSingleton(config.IdentityServers)
        .AddSingleton(config.AppServices);

    /// <summary>The services of each project, and the adapters between them.</summary>
    private static void AddParts(
        IServiceCollection services, HomeserverConfig config, SigningKeyRing keys, MediaFolder media) => services
        .AddSingleton(new ServerSigner(config.ServerName, keys))
        .AddSingleton(new PasswordHasher(config.PasswordCost, config.ImportedPasswords))
        .Add<MetricsPage>()
        .Add<Housekeeping>()
        .Add<IdleMemory>()
        .Add<TakenOver>()
        .Add<SigningKeyReloads>()
        .Add<AppServiceReloads>()
        .Add<ImageCheck>()
        .AddNetwork()
        .AddRooms()
        .AddOutbound()
        .AddMedia(media)
        .AddStreams()
        .AddSync()
        .AddUsers(config.Users, config.Keys)
        .Add<ISentOnce, SentOnce>()
        .Add<ILocalUsers, LocalUsers>()
        .Add<IRoomSettings, ReplacedRoomCopies>()
        .Add<IEncryptedRooms, EncryptedRooms>()
        .Add<IOpenRooms, OpenRoomMembers>()
        .Add<IAccountPolicy, AccountPolicy>()
        .Add<IMediaPolicy, MediaPolicy>()
        .Add<IAccountObserver, AccountObserver>()
        .Add<ITypingObserver, TypingObserver>()
        .AddHttp()
        .AddClientApi()
        .AddFederationApi()
        .AddAdminApi()
        .AddAdminPages();

    /// <summary>
    /// What a node has that serves with others. It joins them before anything else runs, and leaves them last.
    /// </summary>
    private static void AddCluster(
        IServiceCollection services, HomeserverConfig config, OpenedStorage storage, NodeLink link) => services
        .AddCluster(config.Cluster, storage, link)
        .Add<IRequestNodes, RequestNodes>()
        .Add<IClusterControl, ClusterControl>()
        .Add<IComparedSettings, NodeSettings>()
        .Add<ForwardedRequests>()
        .AddSingleton<IForwardedRequestHandler>(static parts => parts.Get<RequestDispatch>())
        .Add<SharedRates>()
        .As<INodeTellHandler, SharedRates>()
        .Runs<ClusterMember>()
        .Runs<AppliedPositions>()
        .Runs<OtherTerms>()
        .Runs<SharedRates>();

    /// <summary>
    /// The parts that run while the server does, in the order in which they start: all before the web server, which
    /// stops first. They stop in the reversed order, so that presence is saved once no change of it is shown any more.
    /// </summary>
    private static void AddRunning(IServiceCollection services) => services
        .Runs<TakenOver>()
        .Runs<Housekeeping>()
        .Runs<IdleMemory>()
        .Runs<SigningKeyReloads>()
        .Runs<UnusedImportedPasswords>()
        .Runs<Departures>()
        .Runs<GuestDepartures>()
        .Runs<UnusedGuests>()
        .Runs<DelayedEvents>()
        .Runs<MissingEventsFetcher>()
        .Runs<RoomReceiver>()
        .Runs<FederationOutbound>()
        .Runs<PushOutbound>()
        .Runs<MessageSender>()
        .Runs<AppServiceOutbound>()
        .Runs<AppServiceReloads>()
        .Runs<RemoteDeviceLists>()
        .Runs<ReceivedReceipts>()
        .Runs<PresenceAtStop>()
        .Runs<PresencePublisher>()
        .Runs<EarlyPresence>()
        .Runs<SearchIndexer>()
        .Runs<DirectoryIndexer>()
        .Runs<RoomFollowers>()
        .Runs<MediaCleaning>()
        .Runs<OwnFolderCleaning>()
        .Runs<ImageCheck>()
        .Runs<SlidingConnections>()
        .Runs<PolicyRooms>()
        .Runs<JobRunner>()
        .Runs<Retention>();

    /// <summary>
    /// The consumers of commits, in order: caches first, so that a client woken by a stream finds what was committed.
    /// </summary>
    internal static IReadOnlyList<IChangeConsumer> Consumers(IServiceProvider parts) =>
    [
        .. parts.RoomConsumers(),
        parts.Get<PushRuleCache>(),
        parts.Get<IgnoredUsers>(),
        parts.Get<PresenceActivity>(),
        parts.Get<RoomFollowers>(),
        parts.Get<UserRoomsCache>(),
        parts.Get<SlidingConnections>(),
        parts.Get<MediaArrivals>(),
        parts.Get<SsoAttempts>(),
        .. parts.StreamConsumers(),
        .. parts.OutboundConsumers(),

        // It opens shards that other nodes gave, when all others have read it.
        parts.Get<ShardOwners>(),
    ];

    private void FindAddresses(HomeserverConfig config, string federationScheme)
    {
        var client = config.ClientListener is null ? 0 : 1;
        var federation = config.FederationListener is null ? 0 : 1;
        ClientAddress = AddressOf(_app, config.ClientListener, "http", opened: 0);
        AdminAddress = AddressOf(_app, config.AdminListener, "http", opened: client + federation);
        Uri?[] addresses =
        [
            AddressOf(_app, config.FederationListener, federationScheme, opened: client),
            config.FederationOnClient ? ClientAddress : null,
        ];
        FederationAddresses = [.. addresses.OfType<Uri>()];
    }

    /// <param name="opened">How many listeners were opened before it: a port of 0 is known by this order.</param>
    private static Uri? AddressOf(WebApplication app, IPEndPoint? listener, string scheme, int opened)
    {
        if (listener is null) return null;
        if (listener.Port != 0) return new Uri($"{scheme}://{listener}");
        var bound = app.Services.Get<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new Uri(bound.ElementAt(opened));
    }
}
