using System.Net;
using System.Net.Sockets;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Http;

/// <summary>A server that cannot listen after its services have begun.</summary>
public sealed class FailedStartTests
{
    [Test]
    public async Task The_services_end_before_the_database_is_closed()
    {
        await using var server = await TestServer.StartAsync();
        await server.StopAsync();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        ReadingService? service = null;
        server.Replaces = parts => parts.AddHostedService(
            made => service = new ReadingService(made.GetRequiredService<OpenedStorage>()));

        Assert.That(
            () => server.RestartAsync(("listeners.client", taken.LocalEndpoint.ToString()!)),
            Throws.InstanceOf<IOException>());

        Assert.That(service!.HasReadAtTheEnd);
    }

    /// <summary>A service that uses the database until it is stopped.</summary>
    private sealed class ReadingService(OpenedStorage storage) : IHostedService
    {
        public bool HasReadAtTheEnd { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            await storage.Rooms.FindAsync("!none:x.example", CancellationToken.None);
            HasReadAtTheEnd = true;
        }
    }
}
