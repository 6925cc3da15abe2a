using Matrix.Host.Outbound.Federation;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>Waits for the progress of what a server sends to others.</summary>
internal static class OutboundQueues
{
    /// <summary>Waits until all that was committed is queued for the servers that it concerns.</summary>
    internal static Task IsQueuedAsync(this TestServer server)
    {
        var feed = server.Services.GetRequiredService<OutboundEventFeed>();
        var through = server.Services.GetRequiredService<OpenedStorage>().Writer.PublishedPosition;
        return Until.HoldsAsync(() => feed.HandledThrough >= through);
    }

    /// <summary>Waits until sending to a peer has failed this often.</summary>
    internal static Task FailsAsync(this TestServer server, Peer peer, int failures) =>
        Until.HoldsAsync(() => server.FailuresOf(peer) >= failures);

    /// <summary>
    /// Waits until all that was committed is queued, and until an attempt that may have begun before that has failed:
    /// the next one chooses from all of it.
    /// </summary>
    internal static async Task IsQueuedAndFailsAsync(this TestServer server, Peer peer)
    {
        await server.IsQueuedAsync();
        await server.FailsAsync(peer, server.FailuresOf(peer) + 1);
    }

    private static int FailuresOf(this TestServer server, Peer peer) =>
        server.Services.GetRequiredService<FederationOutbound>().Destinations.Find(peer.Name)?.Failures ?? 0;
}
