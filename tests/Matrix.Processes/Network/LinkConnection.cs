using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes.Network;

/// <summary>A connection through a link: what comes on each side is sent on the other one.</summary>
internal sealed class LinkConnection : IDisposable
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);

    private readonly TcpLink _link;
    private readonly ILinkGate? _gate;
    private readonly Socket _from;
    private readonly Socket _to;
    private readonly IPEndPoint _source;
    private readonly IPEndPoint _at;
    private PartialFault? _asked;
    private bool _isAffected;
    private int _held;

    public LinkConnection(TcpLink link, Socket from, AddressFamily family, ILinkGate? gate)
    {
        (_link, _from, _gate) = (link, from, gate);
        _to = new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _from.NoDelay = true;
        (_source, _at) = ((IPEndPoint)from.RemoteEndPoint!, (IPEndPoint)from.LocalEndPoint!);
    }

    /// <summary>What the link does with it.</summary>
    public LinkFault Fault
    {
        get
        {
            if (_link.Fault != LinkFault.None || _link.Partial is not { } partial) return _link.Fault;
            lock (_from)
            {
                if (_asked != partial) (_asked, _isAffected) = (partial, partial.Affects(_source, _at));
                return _isAffected ? partial.Fault : LinkFault.None;
            }
        }
    }

    /// <summary>The port from which it reaches the other side; 0 until it does.</summary>
    public int OutgoingPort { get; private set; }

    /// <summary>How many pieces of data its gate holds.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Carries bytes until one side has ended.</summary>
    public async Task CarryAsync(IPEndPoint target, CancellationToken stop)
    {
        await _to.ConnectAsync(target, stop);
        OutgoingPort = ((IPEndPoint)_to.LocalEndPoint!).Port;
        await Task.WhenAll(PumpAsync(_from, _to, PassAsync, stop), PumpAsync(_to, _from, ReplyAsync, stop));
    }

    /// <summary>Resets both sides.</summary>
    public void Dispose()
    {
        Reset(_from);
        Reset(_to);
    }

    private async Task PumpAsync(
        Socket from, Socket to, Func<ReadOnlyMemory<byte>, CancellationToken, Task<int>> passAsync,
        CancellationToken stop)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                var read = await from.ReceiveAsync(buffer, stop);
                if (_link.Delay is { Ticks: > 0 } delay) await Task.Delay(delay, stop);
                while (Fault == LinkFault.BlackHole) await Task.Delay(_poll, stop);
                if (read == 0) break;
                for (var sent = 0; sent < read;)
                {
                    var passes = await passAsync(buffer.AsMemory(sent, read - sent), stop);
                    sent += await to.SendAsync(buffer.AsMemory(sent, passes), stop);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // The other direction must not wait for a peer that is gone.
            Dispose();
            throw;
        }
    }

    private async Task<int> PassAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        if (_gate is null) return bytes.Length;
        var passes = _gate.Pass(bytes.Span);
        if (passes > 0) return passes;
        Interlocked.Increment(ref _held);
        try
        {
            while ((passes = _gate.Pass(bytes.Span)) == 0) await Task.Delay(_poll, stop);
            return passes;
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
    }

    private async Task<int> ReplyAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        if (_gate is not { HoldsReplies: true }) return bytes.Length;
        Interlocked.Increment(ref _held);
        try
        {
            while (_gate.HoldsReplies) await Task.Delay(_poll, stop);
            return bytes.Length;
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
    }

    /// <summary>Closes a socket so that its peer gets RST.</summary>
    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }

        socket.Dispose();
    }
}
