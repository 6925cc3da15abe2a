using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>Registers the services of single sign-on.</summary>
internal static class SsoServices
{
    /// <summary>Adds them. Providers may be in other private networks than other servers.</summary>
    internal static IServiceCollection AddSingleSignOn(this IServiceCollection services, SsoOptions options) => services
        .AddSingleton(options)
        .AddSingleton(parts => new ProviderHttp(
            UrlSender.With(
                parts.Get<NetworkOptions>(),
                options.AllowNetworks,
                parts.Get<CertificateTrust>(),
                parts.Get<IDnsResolver>(),
                parts.Get<TimeProvider>(),
                "sso"),
            options))
        .Add<ProviderDocuments>()
        .Add<ProviderTokens>()
        .Add<ProviderClient>()
        .Add<SsoAttempts>()
        .Add<SsoAccounts>()
        .Add<SsoLogouts>();
}
