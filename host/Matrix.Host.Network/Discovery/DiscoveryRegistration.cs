using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Parts;
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
        .Add<IDnsResolver, UnboundResolver>()
        .Add<IWellKnownFetcher, HttpWellKnownFetcher>()
        .Add<IServerDiscovery, ServerDiscovery>();
}
