using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.TestWorld;

/// <summary>The parts that run while the server does.</summary>
public static class RunningParts
{
    /// <summary>A part is there, and does not run.</summary>
    public static void DoesNotRun<TPart>(this IServiceCollection parts)
        where TPart : class, IHostedService => parts.Remove(parts.Single(static part =>
            part.ServiceType == typeof(IHostedService)
            && part.ImplementationFactory is Func<IServiceProvider, TPart>));
}
