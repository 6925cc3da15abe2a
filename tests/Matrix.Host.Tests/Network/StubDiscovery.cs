using System.Collections.Concurrent;
using System.Net;
using Matrix.Host.Network.Discovery;

namespace Matrix.Host.Tests.Network;

/// <summary>Names that a test gave addresses; every other name leads nowhere.</summary>
internal sealed class StubDiscovery : IServerDiscovery
{
    private readonly ConcurrentDictionary<string, ServerAddress> _known = new();

    /// <summary>How long each name takes.</summary>
    public TimeSpan Delay { get; set; }

    public void Add(string name, IPEndPoint at, string certificate) =>
        _known[name] = new ServerAddress([at], name, certificate, IPAddress.TryParse(certificate, out _));

    public async ValueTask<DiscoveryResult> FindAsync(string serverName, CancellationToken stop)
    {
        await Task.Delay(Delay, stop);
        return _known.TryGetValue(serverName, out var address)
            ? DiscoveryResult.Found(address)
            : DiscoveryResult.NotFound("there is no such name");
    }
}
