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

/// <summary>A fault for some of the connections of a link.</summary>
/// <param name="Fault">What the link does with them.</param>
/// <param name="Affects">
/// Whether a connection is one of them, by the address that it comes from and the link's. Asked once for each.
/// </param>
public sealed record PartialFault(LinkFault Fault, Func<IPEndPoint, IPEndPoint, bool> Affects);

/// <summary>A TCP proxy between two servers, whose faults are set while it runs.</summary>
public sealed class TcpLink : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<IPEndPoint> _to;
    private readonly Func<ILinkGate>? _newGate;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<LinkConnection, byte> _open = new();
    private readonly Task _accepting;
    private volatile LinkFault _fault;
    private volatile PartialFault? _partial;
    private long _delayMs;

    private TcpLink(TcpListener listener, Func<IPEndPoint> to, Func<ILinkGate>? newGate)
    {
        _listener = listener;
        _to = to;
        _newGate = newGate;
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

    /// <summary>A fault of some connections, in addition; null for none.</summary>
    public PartialFault? Partial
    {
        get => _partial;
        set
        {
            _partial = value;
            foreach (var connection in _open.Keys.Where(static each => each.Fault == LinkFault.Reset))
                connection.Dispose();
        }
    }

    /// <summary>The ports from which its open connections reach the other side.</summary>
    public IReadOnlyList<int> OutgoingPorts =>
        [.. _open.Keys.Select(static connection => connection.OutgoingPort).Where(static port => port != 0)];

    /// <summary>Whether a gate holds bytes that came.</summary>
    public bool HoldsBytes => _open.Keys.Any(static connection => connection.Held > 0);

    /// <summary>How long each piece of data is held back.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromMilliseconds(Interlocked.Read(ref _delayMs));
        set => Interlocked.Exchange(ref _delayMs, (long)value.TotalMilliseconds);
    }

    /// <summary>Starts a link at an address.</summary>
    /// <param name="newGate">Makes the gate of each connection; null for none.</param>
    public static TcpLink Start(IPEndPoint at, IPEndPoint to, Func<ILinkGate>? newGate = null) =>
        Start(at, () => to, newGate);

    /// <summary>Starts a link that asks for each connection where it leads, as a balancer does.</summary>
    public static TcpLink Start(IPEndPoint at, Func<IPEndPoint> to, Func<ILinkGate>? newGate = null)
    {
        var listener = new TcpListener(at);
        listener.Start();
        return new TcpLink(listener, to, newGate);
    }

    /// <summary>Resets the open connections.</summary>
    public void ResetConnections()
    {
        foreach (var (connection, _) in _open) connection.Dispose();
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
        using var connection = new LinkConnection(this, from, target.AddressFamily, _newGate?.Invoke());
        _open[connection] = 0;
        try
        {
            if (connection.Fault != LinkFault.Reset) await connection.CarryAsync(target, _stop.Token);
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Both sides are reset.
        }
        finally
        {
            _open.TryRemove(connection, out _);
        }
    }
}
