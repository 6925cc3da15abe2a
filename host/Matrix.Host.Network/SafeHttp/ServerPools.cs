using System.Net;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>The connections to one server, kept open between requests.</summary>
internal sealed class ServerPool(string key, SocketsHttpHandler handler) : IDisposable
{
    private readonly HttpMessageInvoker _invoker = new(handler, disposeHandler: true);

    internal string Key { get; } = key;

    /// <summary>Requests in progress.</summary>
    internal int InFlight { get; set; }

    /// <summary>Its node in the order of use.</summary>
    internal LinkedListNode<ServerPool>? Node { get; set; }

    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken stop) =>
        _invoker.SendAsync(request, stop);

    /// <summary>Closes its idle connections.</summary>
    public void Dispose() => _invoker.Dispose();
}

/// <summary>
/// A pool of connections for each server, least recently used first. An idle pool is closed when another server needs
/// its sockets, or when there are more pools than sockets.
/// </summary>
internal sealed class ServerPools(NetworkOptions options, Connector connector) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ServerPool> _byKey = new(StringComparer.Ordinal);
    private readonly LinkedList<ServerPool> _byUse = new();
    private readonly SocketBudget _budget = new(options.MaxSockets);

    /// <summary>Sockets that are open or connecting.</summary>
    internal int Sockets => _budget.Open;

    /// <summary>The pool of a server, for one request. The caller gives it back.</summary>
    internal ServerPool Take(HttpTarget target)
    {
        var key = KeyOf(target);
        lock (_gate)
        {
            if (!_byKey.TryGetValue(key, out var pool))
            {
                pool = new ServerPool(key, HandlerOf(target));
                _byKey.Add(key, pool);
            }

            if (pool.Node is { } node) _byUse.Remove(node);
            pool.Node = _byUse.AddLast(pool);
            pool.InFlight++;
            return pool;
        }
    }

    internal void GiveBack(ServerPool pool)
    {
        lock (_gate)
        {
            pool.InFlight--;
        }

        if (_budget.IsWanted || _byKey.Count > options.MaxSockets) CloseIdle();
    }

    public void Dispose()
    {
        while (CloseIdle())
        {
            // One after the other.
        }
    }

    /// <summary>Closes the idle pool that was used least recently. False if there is none.</summary>
    private bool CloseIdle()
    {
        ServerPool? idle = null;
        lock (_gate)
        {
            for (var node = _byUse.First; node is not null && idle is null; node = node.Next)
            {
                if (node.Value.InFlight == 0) idle = node.Value;
            }

            if (idle is null) return false;
            _byUse.Remove(idle.Node!);
            _byKey.Remove(idle.Key);
        }

        idle.Dispose();
        return true;
    }

    /// <summary>Servers share connections only if their addresses and their certificate's name are the same.</summary>
    private static string KeyOf(HttpTarget target) => string.Join(
        ' ',
        target.EndPoints.Select(e => e.ToString()).Order(StringComparer.Ordinal)
            .Append(target.HostHeader).Append(target.CertificateName ?? "-"));

    private SocketsHttpHandler HandlerOf(HttpTarget target) => new()
    {
        ActivityHeadersPropagator = null,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        // The connector has a time of its own, which starts when there is a socket.
        ConnectTimeout = Timeout.InfiniteTimeSpan,
        MaxConnectionsPerServer = options.MaxSocketsPerServer,
        // In KiB.
        MaxResponseHeadersLength = Math.Max(1, options.MaxResponseHeaderBytes >> 10),
        // The rest of a response that is too large is not read: its connection is closed.
        MaxResponseDrainSize = 0,
        PooledConnectionIdleTimeout = options.IdleConnectionTime,
        PooledConnectionLifetime = options.ConnectionLifetime,
        UseCookies = false,
        UseProxy = false,
        ConnectCallback = async (_, stop) =>
        {
            var slot = await _budget.TakeAsync(CloseIdle, stop);
            try
            {
                return await connector.ConnectAsync(target, slot, stop);
            }
            catch
            {
                slot.Dispose();
                throw;
            }
        },
    };
}
