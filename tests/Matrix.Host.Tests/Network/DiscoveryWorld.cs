using System.Net;
using Matrix.Host.Network;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.SafeHttp;
using Matrix.Processes.Network;

namespace Matrix.Host.Tests.Network;

/// <summary>
/// Discovery as the server runs it, with a name server and a web server of ours. The web server is at 127.0.0.1 for the
/// names example.org, other.example and www.example.
/// </summary>
internal sealed class DiscoveryWorld : IAsyncDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly string _authorityFile;
    private readonly List<IDisposable> _parts = [];

    public DiscoveryWorld(Func<NetworkOptions, NetworkOptions>? change = null)
    {
        _authorityFile = _authority.WritePem();
        Dns = DnsStub.Start();
        foreach (var host in Hosts) Dns.Addresses(host, "127.0.0.1");
        Web = WellKnownStub.Start(_authority.Issue(Hosts));
        Web.Answered = SeenRequests.Sent;
        var options = new NetworkOptions
        {
            ServerName = "us.example",
            AllowNetworks = [IPNetwork.Parse("127.0.0.0/8")],
            CustomCa = _authorityFile,
            Nameservers = [Dns.EndPoint],
            WellKnownPort = Web.EndPoint.Port,
        };
        Options = change?.Invoke(options) ?? options;
        Discovery = Make(Options);
    }

    public static string[] Hosts { get; } = ["example.org", "other.example", "www.example"];

    public DnsStub Dns { get; }

    public WellKnownStub Web { get; }

    public ManualTime Time { get; } = new();

    public NetworkOptions Options { get; }

    public ServerDiscovery Discovery { get; }

    /// <summary>The authority of the web server's certificate.</summary>
    public TestAuthority Authority => _authority;

    /// <summary>Discovery with other options, in the same world.</summary>
    public ServerDiscovery Make(NetworkOptions options)
    {
        var resolver = new UnboundResolver(options);
        var policy = new AddressPolicy(options);
        var fetcher = new HttpWellKnownFetcher(options, policy, resolver, new CertificateTrust(options));
        var discovery = new ServerDiscovery(options, resolver, fetcher, policy, Time);
        _parts.AddRange([discovery, fetcher, resolver]);
        return discovery;
    }

    public async Task<DiscoveryResult> FindAsync(string serverName) =>
        await Discovery.FindAsync(serverName, CancellationToken.None);

    /// <summary>Where a server that must be found is reached: end points, Host header, certificate.</summary>
    public async Task<string> WhereAsync(string serverName)
    {
        var result = await FindAsync(serverName);
        return result.Address is { } address
            ? $"{string.Join(' ', address.EndPoints)} {address.HostHeader} {address.CertificateName}"
            : $"{result.Kind}: {result.Failure}";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts) part.Dispose();
        await Web.DisposeAsync();
        await Dns.DisposeAsync();
        _authority.Dispose();
        Directory.Delete(Path.GetDirectoryName(_authorityFile)!, recursive: true);
    }
}
