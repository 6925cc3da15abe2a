using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// The bound on sockets over all servers. A socket holds a slot from before it connects until it is closed.
/// </summary>
[SuppressMessage(
    "Reliability", "CA1001", Justification = "Sockets give slots back after the owner was disposed of.")]
internal sealed class SocketBudget(int most)
{
    private readonly SemaphoreSlim _free = new(most, most);
    private int _open;
    private int _waiting;

    /// <summary>Sockets that are open or connecting.</summary>
    internal int Open => Volatile.Read(ref _open);

    /// <summary>Whether a connection waits for a slot.</summary>
    internal bool IsWanted => Volatile.Read(ref _waiting) > 0;

    /// <summary>Takes a slot. While there is none, `closeIdle` is called to close idle connections.</summary>
    internal async ValueTask<Slot> TakeAsync(Func<bool> closeIdle, CancellationToken stop)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            while (!_free.Wait(0, CancellationToken.None))
            {
                if (closeIdle()) continue;
                await _free.WaitAsync(stop);
                break;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        Interlocked.Increment(ref _open);
        return new Slot(this);
    }

    /// <summary>The right to one socket, until it is disposed.</summary>
    internal sealed class Slot(SocketBudget budget) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) != 0) return;
            Interlocked.Decrement(ref budget._open);
            budget._free.Release();
        }
    }
}

/// <summary>The stream of a socket. Once it has a slot, closing the stream gives it back.</summary>
internal sealed class BudgetedStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    internal SocketBudget.Slot? Slot { get; set; }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Slot?.Dispose();
    }
}
