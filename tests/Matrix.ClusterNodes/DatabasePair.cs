using Matrix.Processes;

namespace Matrix.ClusterNodes;

/// <summary>
/// A PostgreSQL server with a synchronous standby, and HAProxy before the two, which goes on to the standby when the
/// first one is gone.
/// </summary>
internal sealed class DatabasePair : IDisposable
{
    private const string Database = "cluster";

    private readonly PostgresProcess _primary = new(inMemory: true);
    private readonly PostgresProcess _standby;
    private readonly BalancerProcess _proxy;

    public DatabasePair()
    {
        var port = Repository.FreePort();
        var address = new Uri(_primary.NewDatabase(Database));
        _standby = _primary.NewStandby(inMemory: true);
        _proxy = BalancerProcess.HaProxy($"""
            defaults
                mode tcp
                timeout connect 1s
                timeout client 1h
                timeout server 1h
            listen database
                bind 127.0.0.1:{port}
                default-server check inter 200ms fastinter 100ms fall 2 rise 1 on-marked-down shutdown-sessions
                server primary 127.0.0.1:{address.Port}
                server standby 127.0.0.1:{new Uri(_standby.Url).Port} backup

            """);
        Url = new UriBuilder(address) { Port = port }.Uri;
    }

    /// <summary>The database, whichever server has it.</summary>
    public Uri Url { get; }

    /// <summary>The primary ends at once.</summary>
    public void Crash() => _primary.Crash();

    /// <summary>The standby becomes the primary, and waits for no other.</summary>
    public void Promote() => _standby.Promote();

    public void Dispose()
    {
        _proxy.Dispose();
        _standby.Dispose();
        _primary.Dispose();
    }
}
