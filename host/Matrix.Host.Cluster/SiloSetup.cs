using System.Net;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;
using Matrix.Host.Cluster.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Matrix.Host.Cluster;

/// <summary>
/// The silo of a node, in a container of its own: the server's other parts see nothing of Orleans. It has no gateway,
/// no storage, no reminders and no grains.
/// </summary>
internal static class SiloSetup
{
    /// <summary>There is one cluster for each database.</summary>
    private const string Cluster = "matrix";

    private const int VotesForDeath = 2;
    private const int MissedAliveTimes = 5;

    /// <summary>What messages of Orleans itself may need beside a body.</summary>
    private const int MessageOverhead = 1 << 20;

    public static ServiceProvider Build(
        ClusterNodeOptions options,
        NodeIncarnation self,
        NpgsqlDataSource database,
        NodeCertificate certificate,
        IEnumerable<ICallHandler> calls,
        IEnumerable<ITellHandler> tells,
        ILoggerFactory loggers)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging
            .AddProvider(new HostLoggers(loggers))
            .AddFilter("Orleans", LogLevel.Warning)

            // A node that is gone cannot be told that nobody waits for its answer.
            .AddFilter("Orleans.Runtime.GrainCallCancellationManager", LogLevel.None)

            // They warn of the garbage collector that the server chose, and of a start that took no time.
            .AddFilter("Orleans.Runtime.Silo", LogLevel.Error)
            .AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error)
            .AddFilter(typeof(NodeService).FullName, LogLevel.Warning));
        services.AddSingleton<NodeDeath>();
        services.AddSingleton<IFatalErrorHandler>(static parts => parts.GetRequiredService<NodeDeath>());
        services.AddSingleton(new SilosTable(database));
        services.AddSingleton<IMembershipTable>(static parts => parts.GetRequiredService<SilosTable>());
        services.AddSingleton<NodeNames>();
        services.AddSingleton<Wakes>();
        services.AddSingleton<NodeServices>();
        services.AddSingleton(parts => new CallHandlers(
            options, calls, tells, parts.GetRequiredService<ILogger<CallHandlers>>()));
        services.AddSingleton(parts => new ClusterMembers(
            self,
            options,
            parts.GetRequiredService<IClusterMembershipService>(),
            parts.GetRequiredService<ILocalSiloDetails>(),
            parts.GetRequiredService<SilosTable>(),
            parts.GetRequiredService<ILogger<ClusterMembers>>()));
        services.AddSingleton<EndedNodes>();
        services.AddSingleton(parts => new NodeCalls(
            options,
            parts.GetRequiredService<ClusterMembers>(),
            parts.GetRequiredService<NodeServices>(),
            parts.GetRequiredService<ILogger<NodeCalls>>()));
        services.AddOrleans(silo => Configure(silo, options, self, certificate));
        return services.BuildServiceProvider();
    }

    private static void Configure(
        ISiloBuilder silo, ClusterNodeOptions options, NodeIncarnation self, NodeCertificate certificate)
    {
        var listen = options.Listen ?? throw new InvalidDataException("cluster.listen is not set");
        var told = options.Address ?? listen;
        if (told.Address.Equals(IPAddress.Any) || told.Address.Equals(IPAddress.IPv6Any))
            throw new InvalidDataException("cluster.address must be one that other nodes can reach");
        silo.Configure<ClusterOptions>(static cluster => (cluster.ClusterId, cluster.ServiceId) = (Cluster, Cluster));
        silo.Configure<SiloOptions>(names => names.SiloName = SiloNames.Of(self));
        silo.Configure<EndpointOptions>(endpoints =>
        {
            endpoints.AdvertisedIPAddress = told.Address;
            endpoints.SiloPort = told.Port;
            endpoints.SiloListeningEndpoint = listen;
            endpoints.GatewayPort = 0;
        });
        silo.Configure<ClusterMembershipOptions>(membership => Configure(membership, options));
        silo.Configure<SiloMessagingOptions>(messages =>
        {
            messages.MaxMessageBodySize = options.MaxCallBytes + MessageOverhead;
            messages.MaxMessageHeaderSize = MessageOverhead;
            messages.ResponseTimeout = messages.SystemResponseTimeout =
                options.LongestCall > messages.SystemResponseTimeout
                    ? options.LongestCall
                    : messages.SystemResponseTimeout;
        });
        silo.AddGrainService<NodeService>();
        NodeTls.Use(silo, certificate);
    }

    private static void Configure(ClusterMembershipOptions membership, ClusterNodeOptions options)
    {
        membership.ProbeTimeout = membership.MinProbeTimeout = options.ProbeTime;
        membership.MaxProbeTimeout = 2 * options.ProbeTime;
        membership.NumMissedProbesLimit = ClusterNodeOptions.MissedProbes;
        membership.NumVotesForDeathDeclaration = VotesForDeath;
        membership.IAmAliveTablePublishTimeout = options.AliveTime;

        // Only when it has read the table, a node stops to ask one that has ended to probe a third.
        membership.TableRefreshTimeout = options.AliveTime;
        membership.NumMissedTableIAmAliveLimit = MissedAliveTimes;
        membership.MaxJoinAttemptTime = options.JoinTime;
    }

    /// <summary>Writes what the silo logs into the server's log.</summary>
    private sealed class HostLoggers(ILoggerFactory loggers) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => loggers.CreateLogger(categoryName);

        public void Dispose()
        {
        }
    }
}
