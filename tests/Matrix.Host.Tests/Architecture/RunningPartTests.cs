using System.Reflection;
using Matrix.Host.Listeners;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Architecture;

/// <summary>The list of the parts that run while the server does.</summary>
internal sealed class RunningPartTests
{
    [Test]
    public async Task Every_part_that_can_run_is_in_the_list_once()
    {
        await using var server = await TestServer.StartAsync();
        var host = typeof(Homeserver).Assembly;
        var able = host.GetReferencedAssemblies()
            .Where(static name => name.Name!.StartsWith("Matrix.Host.", StringComparison.Ordinal))
            .Select(Assembly.Load)
            .Append(host)
            .SelectMany(static assembly => assembly.GetTypes())
            .Where(static type => !type.IsAbstract && typeof(IHostedService).IsAssignableFrom(type))
            .Except([typeof(TlsReloads)]);

        var running = server.Services.GetServices<IHostedService>()
            .Select(static part => part.GetType())
            .Where(static type => type.Namespace!.StartsWith("Matrix.", StringComparison.Ordinal));

        Assert.That(running, Is.EquivalentTo(able));
    }
}
