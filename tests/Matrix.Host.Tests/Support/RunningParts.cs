using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Support;

/// <summary>The parts that run while the server does.</summary>
internal static class RunningParts
{
    /// <summary>A part is there, and does not run.</summary>
    internal static void DoesNotRun<TPart>(this IServiceCollection parts)
        where TPart : class, IHostedService => parts.Remove(parts.Single(static part =>
            part.ServiceType == typeof(IHostedService)
            && part.ImplementationFactory is Func<IServiceProvider, TPart>));
}
