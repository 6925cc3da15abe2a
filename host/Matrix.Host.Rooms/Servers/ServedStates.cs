namespace Matrix.Host.Rooms.Servers;

/// <summary>
/// Bounds the whole states and auth chains that are in memory at once for other servers: over all while they are read,
/// and for each server until its responses are sent. One that reads slowly does not keep the others waiting.
/// </summary>
public sealed class ServedStates(RoomsOptions options) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _all = new(options.StatesServed, options.StatesServed);
    private readonly Dictionary<string, Server> _servers = new(StringComparer.Ordinal);

    /// <summary>The failure of a request that may not wait.</summary>
    internal static RoomFailure TooMany { get; } = new(
        RoomFailureKind.Busy, "Too many requests of your server for states wait.");

    /// <summary>Waits until a state may be read for a server; null if too many requests of it wait.</summary>
    internal async ValueTask<ServedPlace?> EnterAsync(string name, CancellationToken stop)
    {
        Server? server;
        lock (_gate)
        {
            if (!_servers.TryGetValue(name, out server))
            {
                _servers.Add(name, server = new Server(options.StatesServedToServer));
            }

            if (server.Users >= options.StatesServedToServer + options.StatesAwaited) return null;
            server.Users++;
        }

        try
        {
            await server.Slots.WaitAsync(stop);
            try
            {
                await _all.WaitAsync(stop);
                return new ServedPlace(
                    () => _all.Release(),
                    () =>
                    {
                        server.Slots.Release();
                        Leave(name, server);
                    });
            }
            catch
            {
                server.Slots.Release();
                throw;
            }
        }
        catch
        {
            Leave(name, server);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _all.Dispose();

    private void Leave(string name, Server server)
    {
        lock (_gate)
        {
            if (--server.Users == 0) _servers.Remove(name);
        }
    }

    private sealed class Server(int slots)
    {
        public SemaphoreSlim Slots { get; } = new(slots);

        public int Users { get; set; }
    }
}

/// <summary>The place of a state that is read and then sent to a server.</summary>
public sealed class ServedPlace : IDisposable
{
    private readonly Action _read;
    private readonly Action _sent;
    private int _isRead;
    private int _isSent;

    internal ServedPlace(Action read, Action sent) => (_read, _sent) = (read, sent);

    /// <summary>The state is read, and its response is counted by its bytes: another state may be read.</summary>
    public void BeginSending()
    {
        if (Interlocked.Exchange(ref _isRead, 1) == 0) _read();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        BeginSending();
        if (Interlocked.Exchange(ref _isSent, 1) == 0) _sent();
    }
}
