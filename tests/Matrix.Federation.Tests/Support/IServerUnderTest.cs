using System.Net;
using System.Net.Sockets;

namespace Matrix.Federation.Tests.Support;

/// <summary>A server that a test sends requests to.</summary>
public interface IServerUnderTest : IAsyncDisposable
{
    /// <summary>Its name, `127.0.N.1:PORT`.</summary>
    string Name { get; }

    /// <summary>Its federation listener.</summary>
    Uri FederationAddress { get; }

    /// <summary>Its client listener.</summary>
    Uri ClientAddress { get; }

    /// <summary>Sends a request with a client that trusts the test's certificate authority.</summary>
    Task<Reply> SendAsync(HttpRequestMessage request);
}

/// <summary>Addresses of the machine, one for each server.</summary>
public static class Loopback
{
    private static int _last;

    /// <summary>A new address with a free port.</summary>
    public static IPEndPoint Next()
    {
        var address = IPAddress.Parse($"127.0.{Interlocked.Increment(ref _last) % 250}.1");
        using var probe = new TcpListener(address, 0);
        probe.Start();
        return (IPEndPoint)probe.LocalEndpoint;
    }
}
