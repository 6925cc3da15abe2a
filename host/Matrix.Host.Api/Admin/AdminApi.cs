using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Admin;

/// <summary>What administrators and their tools ask for.</summary>
public static class AdminApi
{
    /// <summary>Adds the endpoints.</summary>
    public static IServiceCollection AddAdminApi(this IServiceCollection services) => services
        .AddSingleton<Nonces>()
        .AddSingleton<IEndpoints, Health>()
        .AddSingleton<IEndpoints, SharedSecretRegistration>();
}
