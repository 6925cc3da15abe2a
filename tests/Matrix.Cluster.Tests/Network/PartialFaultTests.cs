using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Matrix.Processes;

namespace Matrix.Cluster.Tests.Network;

/// <summary>A fault of a link for the connections of one process.</summary>
[TestFixture]
internal sealed class PartialFaultTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [TestCase(AddressFamily.InterNetwork)]
    [TestCase(AddressFamily.InterNetworkV6)]
    public async Task The_process_of_a_connection_is_found_and_no_other(AddressFamily family)
    {
        using var listener = new TcpListener(Loopback.Next());
        listener.Start();
        using var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        if (family == AddressFamily.InterNetworkV6) socket.DualMode = true;
        await socket.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var accepted = await listener.AcceptSocketAsync();

        var (source, at) = ((IPEndPoint)accepted.RemoteEndPoint!, (IPEndPoint)accepted.LocalEndPoint!);
        using var other = Process.Start(new ProcessStartInfo("sleep", ["30"]))!;
        Assert.Multiple(() =>
        {
            Assert.That(SocketOwner.Has(Environment.ProcessId, source, at), Is.True);
            Assert.That(SocketOwner.Has(other.Id, source, at), Is.False);
        });
        Signals.SendKill(other.Id);
    }

    [Test]
    public async Task Only_connections_of_the_process_are_reset_open_and_new_ones()
    {
        var (at, to) = (Loopback.Next(), Loopback.Next());
        using var listener = new TcpListener(to);
        listener.Start();
        await using var link = TcpLink.Start(at, to);
        using var open = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await open.ConnectAsync(at);
        using var ofOpen = await listener.AcceptSocketAsync().WaitAsync(_patience);
        using var other = Process.Start(
            new ProcessStartInfo("bash", ["-c", $"exec 3<>/dev/tcp/{at.Address}/{at.Port}; head -c 1 <&3"])
            {
                RedirectStandardOutput = true,
            })!;
        using var ofOther = await listener.AcceptSocketAsync().WaitAsync(_patience);

        link.Partial = new PartialFault(
            LinkFault.Reset, (source, own) => SocketOwner.Has(Environment.ProcessId, source, own));

        Assert.That(await IsResetAsync(open), Is.True, "the open connection");
        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.That(await IsResetAsync(late, at), Is.True, "a new connection");

        await ofOther.SendAsync("x"u8.ToArray());
        Assert.That(await other.StandardOutput.ReadToEndAsync().WaitAsync(_patience), Is.EqualTo("x"));
        link.Partial = null;
        using var healed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await healed.ConnectAsync(at);
        using var ofHealed = await listener.AcceptSocketAsync().WaitAsync(_patience);
    }

    [Test]
    public async Task Bytes_of_the_process_wait_until_the_fault_ends()
    {
        var (at, to) = (Loopback.Next(), Loopback.Next());
        using var listener = new TcpListener(to);
        listener.Start();
        await using var link = TcpLink.Start(at, to);
        link.Partial = new PartialFault(
            LinkFault.BlackHole, (source, own) => SocketOwner.Has(Environment.ProcessId, source, own));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(at);
        using var accepted = await listener.AcceptSocketAsync().WaitAsync(_patience);
        await socket.SendAsync("x"u8.ToArray());
        var received = accepted.ReceiveAsync(new byte[1]);
        Assert.That(await Task.WhenAny(received, Task.Delay(200)), Is.Not.SameAs(received));

        link.Partial = null;
        Assert.That(await received.WaitAsync(_patience), Is.EqualTo(1));
    }

    private static async Task<bool> IsResetAsync(Socket socket, IPEndPoint? at = null)
    {
        try
        {
            if (at is not null) await socket.ConnectAsync(at);
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(_patience) < 0;
        }
        catch (SocketException reset)
        {
            return reset.SocketErrorCode == SocketError.ConnectionReset;
        }
    }
}
