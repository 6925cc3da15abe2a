using Matrix.Core.Federation;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Network.Keys;
using Matrix.Host.Network.Mail;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Slots;
using Matrix.Host.Network.TextMessages;
using Matrix.Host.Network.Urls;
using Matrix.Host.Parts;
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
        .Add<AddressPolicy>()
        .Add<CertificateTrust>()
        .Add<SafeHttpSender>()
        .AddSingleton(parts => new ServerFilter(
            parts.Get<NetworkOptions>().AllowServers, parts.Get<NetworkOptions>().DenyServers))
        .Add<RequestLog>()
        .Add<IFederationClient, SignedClient>()
        .Add<UrlClient>()
        .Add<Mailer>()
        .Add<OperatorUrlClient>()
        .Add<TextMessageGateway>()
        .Add<IdentityRequests>()
        .Add<ServerPaces>()
        .Add<UserRequests>()
        .Add<IdentityApi>()
        .Add<IdentityKeys>()
        .Add<FederationOperations>()
        .Add<OwnKeys>()
        .Add<KeyFetcher>()
        .Add<ServerKeys>()
        .As<IServerKeys, ServerKeys>()
        .Add<Notary>();
}
