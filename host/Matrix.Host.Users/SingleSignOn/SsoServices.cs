using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
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
                parts.GetRequiredService<NetworkOptions>(),
                options.AllowNetworks,
                parts.GetRequiredService<CertificateTrust>(),
                parts.GetRequiredService<IDnsResolver>(),
                parts.GetRequiredService<TimeProvider>(),
                "sso"),
            options))
        .AddSingleton<ProviderDocuments>()
        .AddSingleton<ProviderTokens>()
        .AddSingleton<ProviderClient>()
        .AddSingleton<SsoAttempts>()
        .AddSingleton<SsoAccounts>()
        .AddSingleton<SsoLogouts>();
}
