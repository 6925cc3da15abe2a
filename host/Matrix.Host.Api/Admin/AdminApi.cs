using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Admin;

/// <summary>Registers the endpoints for administrators and their tools.</summary>
public static class AdminApi
{
    /// <summary>Adds the endpoints.</summary>
    public static IServiceCollection AddAdminApi(this IServiceCollection services) => services
        .AddSingleton<Nonces>()
        .AddSingleton<IEndpoints, Health>()
        .AddSingleton<IEndpoints, SharedSecretRegistration>();
}
