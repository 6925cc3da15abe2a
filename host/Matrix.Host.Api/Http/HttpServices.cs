using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Http;

/// <summary>The machinery of requests, for the composition root.</summary>
public static class HttpServices
{
    /// <summary>Adds it. It asks for options, a clock, and who knows access tokens.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services) => services
        .AddSingleton<RateLimiter>()
        .AddSingleton<DiagnosticSource, RefusedRequests>()
        .AddSingleton<ApiServer>();
}
