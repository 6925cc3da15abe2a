using System.Net;

namespace Matrix.Processes.Network;

/// <summary>Where a server listens for other servers, and the files of its TLS.</summary>
/// <param name="Name">The server's name.</param>
/// <param name="Listener">Its federation listener.</param>
/// <param name="Certificate">A file with its certificate.</param>
/// <param name="Key">A file with the certificate's key.</param>
/// <param name="Authority">A file with the authority that it trusts.</param>
public sealed record ServerAddress(
    string Name, IPEndPoint Listener, string Certificate, string Key, string Authority)
{
    /// <summary>An address of the machine with a free port; it is the server's name, too.</summary>
    public static ServerAddress Next() => Next(TestCa.Shared);

    /// <summary>The same, with a certificate of another authority.</summary>
    public static ServerAddress Next(IServerAuthority authority)
    {
        var listener = Loopback.Next();
        return Behind(listener, listener, authority);
    }

    /// <summary>A listener that others reach at another address, such as a link's: the server's name.</summary>
    public static ServerAddress Behind(IPEndPoint link, IPEndPoint listener) =>
        Behind(link, listener, TestCa.Shared);

    /// <summary>The same, with a certificate of another authority.</summary>
    public static ServerAddress Behind(IPEndPoint link, IPEndPoint listener, IServerAuthority authority)
    {
        var (certificate, key) = authority.Issue(link.Address.ToString());
        return new ServerAddress(link.ToString(), listener, certificate, key, authority.RootFile);
    }
}

/// <summary>A real server process that federates over TLS with others on this machine.</summary>
public sealed class FederatingProcess : IDisposable
{
    /// <param name="address">Where it listens for other servers.</param>
    /// <param name="databaseUrl">As for <see cref="HomeserverProcess"/>.</param>
    /// <param name="settings">Further environment variables.</param>
    public FederatingProcess(
        ServerAddress address,
        string? databaseUrl = null,
        IEnumerable<KeyValuePair<string, string>>? settings = null)
    {
        Address = address;
        Process = new HomeserverProcess(databaseUrl, new Dictionary<string, string>
        {
            ["MATRIX_LISTENERS__FEDERATION"] = address.Listener.ToString(),
            ["MATRIX_TLS__CERTIFICATE"] = address.Certificate,
            ["MATRIX_TLS__KEY"] = address.Key,
            ["MATRIX_FEDERATION__CUSTOM_CA"] = address.Authority,
            ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8",
            ["MATRIX_REGISTRATION__ENABLED"] = "true",
            ["MATRIX_PASSWORDS__MEMORY"] = "64KiB",
            ["MATRIX_PASSWORDS__OPERATIONS"] = "1",
        });
        Process.Settings["MATRIX_SERVER_NAME"] = address.Name;
        foreach (var (name, value) in settings ?? []) Process.Settings[name] = value;
    }

    /// <summary>Where it listens for other servers.</summary>
    public ServerAddress Address { get; }

    /// <summary>The server's name.</summary>
    public string Name => Address.Name;

    /// <summary>The process, to start, stop and kill.</summary>
    public HomeserverProcess Process { get; }

    public void Dispose() => Process.Dispose();
}
