using System.Net;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>
/// A server process that is killed and stopped. It finds each other server by a name server of its own, at the link
/// that leads there.
/// </summary>
internal sealed class SoakServer : ServerUnderTest
{
    private static readonly TimeSpan _latestStart = TimeSpan.FromMinutes(2);

    private readonly DnsStub _names = DnsStub.Start();
    private readonly IPEndPoint _listener = Loopback.Next();
    private readonly FederatingProcess _federating;
    private readonly string _host;

    internal SoakServer(int index, string? databaseUrl)
    {
        Index = index;
        _host = $"{(char)('a' + index)}.test";
        Name = $"{_host}:{_listener.Port}";
        var (certificate, key) = TestCa.Shared.Issue(_host);
        var address = new ServerAddress(Name, _listener, certificate, key, TestCa.Shared.RootFile);
        _federating = new FederatingProcess(address, databaseUrl, new Dictionary<string, string>
        {
            ["MATRIX_FEDERATION__NAMESERVERS"] = _names.EndPoint.ToString(),
        });
        if (index == 2)
        {
            // This one fetches few missing events, and goes on after gaps in its history.
            Process.Settings["MATRIX_FEDERATION__FETCHED_PREVIOUS_EVENTS"] = "12";
        }

        foreach (var (setting, value) in _settings) Process.Settings["MATRIX_FEDERATION__" + setting] = value;
    }

    // Outages of minutes are played in seconds.
    private static readonly (string, string)[] _settings =
    [
        ("OUTBOUND_OUTAGE_EVENTS", "10"),
        ("OUTBOUND_FIRST_PAUSE", "200ms"),
        ("OUTBOUND_LONGEST_PAUSE", "5s"),
        ("OUTBOUND_WAKE_PAUSE", "1s"),
        ("OUTBOUND_OUTAGE_AFTER", "5s"),
        ("OUTBOUND_RECORD_INTERVAL", "1s"),
        ("CONNECT_TIME", "3s"),
        ("REQUEST_TIME", "10s"),
        ("LARGE_REQUEST_TIME", "20s"),
        ("FETCH_TIME", "5s"),
        ("LARGE_FETCH_TIME", "20s"),
        ("FETCH_PAUSE", "200ms"),
        ("LONGEST_FETCH_PAUSE", "5s"),
        ("FETCH_WAKE_PAUSE", "1s"),
        ("JOIN_TIME", "20s"),
        ("INVITE_TIME", "5s"),
        ("HANDSHAKE_TIME", "5s"),
        ("HISTORY_PAUSE", "1s"),
        ("KEY_REQUEST_TIME", "5s"),
        ("KEY_FETCH_PAUSE", "500ms"),
        ("LONGEST_KEY_FETCH_PAUSE", "2s"),
        ("DEVICE_LIST_FIRST_PAUSE", "200ms"),
        ("DEVICE_LIST_LONGEST_PAUSE", "5s"),
        ("DISCOVERY_FAILURE_TIME", "500ms"),
    ];

    public override string Name { get; }

    public override Uri FederationAddress => new($"https://{_listener}");

    public override Uri ClientAddress => new(Process.Url);

    internal int Index { get; }

    internal HomeserverProcess Process => _federating.Process;

    /// <summary>The links to the other servers, by their index.</summary>
    internal Dictionary<int, TcpLink> Links { get; } = [];

    /// <summary>Connects this server with another one by a link.</summary>
    internal void Connect(SoakServer to)
    {
        // The name has a port, so the link has the same one, at an address of its own.
        var address = $"127.1.{Index + 1}.{to.Index + 1}";
        Links[to.Index] = TcpLink.Start(new IPEndPoint(IPAddress.Parse(address), to._listener.Port), to._listener);
        _names.Addresses(to._host, address);
    }

    internal async Task RestartAfterAsync(TimeSpan pause)
    {
        await Process.KillAsync();
        await Task.Delay(pause);
        await StartAsync();
    }

    internal Task StartAsync() => Process.StartAsync().WaitAsync(_latestStart);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var link in Links.Values) await link.DisposeAsync();
        _federating.Dispose();
        await _names.DisposeAsync();
    }
}
