using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Http;

/// <summary>Registers the HTTP services.</summary>
public static class HttpServices
{
    /// <summary>Adds the services. They need the options, a clock, and the users' access tokens.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services) => services
        .AddSingleton<RateLimiter>()
        .AddSingleton<RequestCounts>()
        .AddSingleton<RateOverrides>()
        .AddSingleton<DiagnosticSource, RefusedRequests>()
        .AddSingleton<ClientAdmission>()
        .AddSingleton<WaitingRequests>()
        .AddSingleton<ClientServer>()
        .AddSingleton<RequestAuthentication>()
        .AddSingleton<FederationServer>();
}
