using System.Diagnostics;
using Matrix.Host.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Api.Http;

/// <summary>Registers the HTTP services.</summary>
public static class HttpServices
{
    /// <summary>Adds the services. They need the options, a clock, and the users' access tokens.</summary>
    public static IServiceCollection AddHttp(this IServiceCollection services) => services
        .Add<RateLimiter>()
        .Add<RequestCounts>()
        .Add<RateOverrides>()
        .Add<DiagnosticSource, RefusedRequests>()
        .Add<ClientAdmission>()
        .Add<WaitingRequests>()
        .Add<ClientRates>()
        .Add<ClientServer>()
        .Add<RequestAuthentication>()
        .Add<FederationServer>();
}
