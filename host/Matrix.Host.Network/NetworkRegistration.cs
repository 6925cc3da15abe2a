using Matrix.Core.Federation;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Network.Keys;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Slots;
using Matrix.Host.Network.TextMessages;
using Matrix.Host.Network.Urls;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network;

/// <summary>Registers the services that talk to other servers.</summary>
public static class NetworkRegistration
{
    /// <summary>
    /// Adds them. They need the storage, the signing keys, <see cref="NetworkOptions"/>, logging and a clock.
    /// </summary>
    public static IServiceCollection AddNetwork(this IServiceCollection services) => services
        .AddDiscovery()
        .AddSingleton(parts => new AddressPolicy(parts.Get<NetworkOptions>()))
        .AddSingleton(parts => new CertificateTrust(parts.Get<NetworkOptions>()))
        .AddSingleton(parts => new SafeHttpSender(
            parts.Get<NetworkOptions>(),
            parts.Get<AddressPolicy>(),
            parts.Get<CertificateTrust>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new ServerFilter(
            parts.Get<NetworkOptions>().AllowServers, parts.Get<NetworkOptions>().DenyServers))
        .AddSingleton(parts => new RequestLog(
            parts.Get<NetworkOptions>(), parts.Get<TimeProvider>(), parts.Get<ILogger<RequestLog>>()))
        .AddSingleton<IFederationClient>(parts => new SignedClient(
            parts.Get<NetworkOptions>(),
            parts.Get<SigningKeyRing>(),
            parts.Get<ServerFilter>(),
            parts.Get<IServerDiscovery>(),
            parts.Get<SafeHttpSender>(),
            parts.Get<RequestLog>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new UrlClient(
            parts.Get<SafeHttpSender>(), parts.Get<IDnsResolver>(), parts.Get<NetworkOptions>()))
        .AddSingleton(parts => new Mailer(parts.Get<MailOptions>()))
        .AddSingleton(parts => new OperatorUrlClient(
            parts.Get<NetworkOptions>(),
            parts.Get<CertificateTrust>(),
            parts.Get<IDnsResolver>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new TextMessageGateway(
            parts.Get<TextMessageOptions>(), parts.Get<OperatorUrlClient>()))
        .AddSingleton(parts => new IdentityRequests(
            parts.Get<IdentityServerOptions>(),
            parts.Get<NetworkOptions>(),
            parts.Get<CertificateTrust>(),
            parts.Get<IDnsResolver>(),
            parts.Get<SigningKeyRing>(),
            parts.Get<TimeProvider>()))
        .AddSingleton(parts => new ServerPaces(parts.Get<NetworkOptions>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new UserRequests(
            parts.Get<NetworkOptions>(), parts.Get<ServerPaces>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new IdentityApi(parts.Get<IdentityRequests>()))
        .AddSingleton(parts => new IdentityKeys(parts.Get<IWellKnownFetcher>(), parts.Get<NetworkOptions>()))
        .AddSingleton(parts => new FederationApi(parts.Get<IFederationClient>(), parts.Get<NetworkOptions>()))
        .AddSingleton(parts => new OwnKeys(
            parts.Get<SigningKeyRing>(), parts.Get<NetworkOptions>(), parts.Get<TimeProvider>()))
        .AddSingleton(parts => new KeyFetcher(
            parts.Get<FederationApi>(),
            parts.Get<NetworkOptions>(),
            parts.Get<TimeProvider>(),
            parts.Get<ILogger<KeyFetcher>>()))
        .AddSingleton(parts => new ServerKeys(
            parts.Get<IStorage>(),
            parts.Get<KeyFetcher>(),
            parts.Get<OwnKeys>(),
            parts.Get<ServerFilter>(),
            parts.Get<NetworkOptions>(),
            parts.Get<TimeProvider>()))
        .AddSingleton<IServerKeys>(parts => parts.Get<ServerKeys>())
        .AddSingleton(parts => new Notary(
            parts.Get<ServerKeys>(),
            parts.Get<OwnKeys>(),
            parts.Get<NetworkOptions>(),
            parts.Get<TimeProvider>()));

    private static T Get<T>(this IServiceProvider parts)
        where T : notnull => parts.GetRequiredService<T>();
}
