using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Matrix.Processes.Network;

/// <summary>What a link does with connections.</summary>
public enum LinkFault
{
    /// <summary>It passes bytes on.</summary>
    None,

    /// <summary>It resets connections, open ones and new ones.</summary>
    Reset,

    /// <summary>It accepts connections, and holds all bytes back until the fault ends.</summary>
    BlackHole,
}

/// <summary>A TCP proxy between two servers, whose faults are set while it runs.</summary>
public sealed class TcpLink : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly TcpListener _listener;
    private readonly Func<IPEndPoint> _to;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Socket, byte> _open = new();
    private readonly ConcurrentDictionary<Socket, int> _outgoing = new();
    private readonly Task _accepting;
    private volatile LinkFault _fault;
    private long _delayMs;

    private TcpLink(TcpListener listener, Func<IPEndPoint> to)
    {
        _listener = listener;
        _to = to;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>The fault; <see cref="LinkFault.None"/> heals the link.</summary>
    public LinkFault Fault
    {
        get => _fault;
        set
        {
            _fault = value;
            if (value == LinkFault.Reset) ResetConnections();
        }
    }

    /// <summary>The ports from which its open connections reach the other side.</summary>
    public IReadOnlyList<int> OutgoingPorts => [.. _outgoing.Values];

    /// <summary>How long each piece of data is held back.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromMilliseconds(Interlocked.Read(ref _delayMs));
        set => Interlocked.Exchange(ref _delayMs, (long)value.TotalMilliseconds);
    }

    /// <summary>Starts a link at an address.</summary>
    public static TcpLink Start(IPEndPoint at, IPEndPoint to) => Start(at, () => to);

    /// <summary>Starts a link that asks for each connection where it leads, as a balancer does.</summary>
    public static TcpLink Start(IPEndPoint at, Func<IPEndPoint> to)
    {
        var listener = new TcpListener(at);
        listener.Start();
        return new TcpLink(listener, to);
    }

    /// <summary>Resets the open connections.</summary>
    public void ResetConnections()
    {
        foreach (var (socket, _) in _open) Reset(socket);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        ResetConnections();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = CarryAsync(await _listener.AcceptSocketAsync(_stop.Token));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The next round sees whether the link has ended.
            }
        }
    }

    private async Task CarryAsync(Socket from)
    {
        var target = _to();
        using var to = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        from.NoDelay = true;
        _open[from] = 0;
        _open[to] = 0;
        try
        {
            if (_fault != LinkFault.Reset)
            {
                await to.ConnectAsync(target, _stop.Token);
                _outgoing[to] = ((IPEndPoint)to.LocalEndPoint!).Port;
                await Task.WhenAll(PumpAsync(from, to), PumpAsync(to, from));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Both sides are reset below.
        }
        finally
        {
            _open.TryRemove(from, out _);
            _open.TryRemove(to, out _);
            _outgoing.TryRemove(to, out _);
            Reset(from);
            Reset(to);
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                var read = await from.ReceiveAsync(buffer, _stop.Token);
                if (Delay is { Ticks: > 0 } delay) await Task.Delay(delay, _stop.Token);
                while (_fault == LinkFault.BlackHole) await Task.Delay(Poll, _stop.Token);
                if (read == 0) break;
                for (var sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), _stop.Token);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // The other direction must not wait for a peer that is gone.
            Reset(from);
            Reset(to);
            throw;
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
