using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes.Network;

/// <summary>Addresses of the machine, one for each server.</summary>
public static class Loopback
{
    private static int _last;

    /// <summary>A new address with a free port.</summary>
    public static IPEndPoint Next()
    {
        // Not 127.0.0.1: others let the system choose a port there, and could take this one before it is used.
        var address = IPAddress.Parse($"127.0.{1 + (uint)Interlocked.Increment(ref _last) % 250}.1");
        using var probe = new TcpListener(address, 0);
        probe.Start();
        return (IPEndPoint)probe.LocalEndpoint;
    }
}
