using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.SafeHttp;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Network.Discovery;

/// <summary>Registers discovery.</summary>
public static class DiscoveryRegistration
{
    /// <summary>
    /// Adds discovery. It needs the <see cref="NetworkOptions"/>, an <see cref="AddressPolicy"/>, a <see
    /// cref="CertificateTrust"/> and a clock.
    /// </summary>
    public static IServiceCollection AddDiscovery(this IServiceCollection services) => services
        .AddSingleton<IDnsResolver, UnboundResolver>()
        .AddSingleton<IWellKnownFetcher, HttpWellKnownFetcher>()
        .AddSingleton<IServerDiscovery, ServerDiscovery>();
}
