using System.Net;
using System.Net.Sockets;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>Ports of tests that run side by side.</summary>
internal sealed class PortsTests
{
    [Test]
    public void A_port_is_free_and_is_given_to_no_other_process()
    {
        var port = Repository.FreePort();

        using var server = new TcpListener(IPAddress.Loopback, port);
        Assert.That(server.Start, Throws.Nothing);
        using var other = new TcpListener(IPAddress.Parse("127.255.255.254"), port);
        Assert.That(other.Start, Throws.TypeOf<SocketException>(), "it is reserved");
    }
}
