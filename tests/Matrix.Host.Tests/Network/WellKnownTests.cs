using System.Net;
using System.Net.Sockets;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.SafeHttp;
using Matrix.Processes.Network;

namespace Matrix.Host.Tests.Network;

/// <summary>
/// Requests for <c>.well-known</c>: redirects, bounds, certificates, and how long responses are kept.
/// </summary>
internal sealed class WellKnownTests
{
    private const string NotDelegated = "127.0.0.1:8448 example.org example.org";
    private const string Delegated = "127.0.0.5:8448 127.0.0.5 127.0.0.5";

    private DiscoveryWorld _world = null!;

    [SetUp]
    public void Start() => _world = new DiscoveryWorld();

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    private int Port => _world.Web.EndPoint.Port;

    private static StubReply Delegates => StubReply.Delegates("127.0.0.5");

    private Task<string> WhereAsync() => _world.WhereAsync("example.org");

    [Test]
    public async Task The_request_names_its_host_in_TLS_and_in_HTTP()
    {
        _world.Web.Answers("example.org", Delegates);

        Assert.That(await WhereAsync(), Is.EqualTo(Delegated));
        Assert.That(
            _world.Web.Requests,
            Is.EqualTo(new[] { new StubRequest("GET", WellKnownStub.Path, $"example.org:{Port}", "example.org") }));
    }

    [TestCase(301)]
    [TestCase(302)]
    [TestCase(303)]
    [TestCase(307)]
    [TestCase(308)]
    public async Task Redirects_are_followed(int status)
    {
        _world.Web.Answers("example.org", StubReply.Redirects($"https://www.example:{Port}/elsewhere", status))
            .Answers("www.example", StubReply.Redirects("../last?x=1", status), "/elsewhere")
            .Answers("www.example", Delegates, "/last?x=1");

        Assert.That(await WhereAsync(), Is.EqualTo(Delegated));
        Assert.That(_world.Web.Requests, Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_loop_of_redirects_ends_at_the_address_that_was_seen()
    {
        _world.Web.Answers("example.org", StubReply.Redirects("/other"))
            .Answers("example.org", StubReply.Redirects(WellKnownStub.Path), "/other");

        Assert.That(await WhereAsync(), Is.EqualTo(NotDelegated));
        Assert.That(_world.Web.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Redirects_without_end_are_followed_five_times()
    {
        _world.Web.Answers("example.org", StubReply.Redirects("/1"));
        for (var i = 1; i < 20; i++) _world.Web.Answers("example.org", StubReply.Redirects($"/{i + 1}"), $"/{i}");

        Assert.That(await WhereAsync(), Is.EqualTo(NotDelegated));
        Assert.That(_world.Web.Requests, Has.Count.EqualTo(6));
    }

    [TestCase("http://www.example/")]
    [TestCase("ftp://www.example/")]
    [TestCase("https://user@www.example/")]
    [TestCase("https://")]
    [TestCase("https://10.0.0.1/")]
    [TestCase("https://[::1]/")]
    [TestCase("https://[::ffff:10.0.0.1]/")]
    [TestCase("https://167772161/")]
    public async Task A_redirect_to_another_scheme_or_a_private_address_is_not_followed(string location)
    {
        _world.Web.Answers("example.org", StubReply.Redirects(location));

        Assert.That(await WhereAsync(), Is.EqualTo(NotDelegated));
        Assert.That(_world.Web.Connections, Is.EqualTo(1));
    }

    [Test]
    public async Task A_redirect_to_a_server_at_a_refused_address_gets_no_connection()
    {
        // Both listen on the loopback interface; only the first one's address is allowed.
        var certificate = _world.Authority.Issue("127.0.0.2", "hidden.example");
        await using var hidden = WellKnownStub.Start(certificate, "127.0.0.2");
        _world.Dns.Addresses("hidden.example", "127.0.0.2");
        _world.Web.Answers("example.org", StubReply.Redirects($"https://127.0.0.2:{hidden.EndPoint.Port}/x"))
            .Answers("other.example", StubReply.Redirects($"https://hidden.example:{hidden.EndPoint.Port}/x"));
        hidden.Answers("127.0.0.2", Delegates, "/x").Answers("hidden.example", Delegates, "/x");
        var strict = _world.Make(_world.Options with { AllowNetworks = [IPNetwork.Parse("127.0.0.1/32")] });

        var literal = await strict.FindAsync("example.org", CancellationToken.None);
        var named = await strict.FindAsync("other.example", CancellationToken.None);
        Assert.That(literal.Address!.HostHeader, Is.EqualTo("example.org"));
        Assert.That(named.Address!.HostHeader, Is.EqualTo("other.example"));
        Assert.That(hidden.Connections, Is.Zero);

        Assert.That(await WhereAsync(), Is.EqualTo(Delegated), "where both are allowed, it is followed");
        Assert.That(hidden.Requests.Single().ServerName, Is.Empty, "an address is no server name of TLS");
    }

    [Test]
    public async Task A_redirect_without_a_location_is_an_error()
    {
        _world.Web.Answers("example.org", new StubReply(302));
        Assert.That(await WhereAsync(), Is.EqualTo(NotDelegated));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_body_of_51200_bytes_is_read_and_one_byte_more_is_an_error(bool isChunked)
    {
        StubReply Padded(int length) =>
            Delegates with { Body = Delegates.Body.PadRight(length), IsChunked = isChunked };
        _world.Web.Answers("example.org", Padded(51_200)).Answers("other.example", Padded(51_201));

        Assert.That(await WhereAsync(), Is.EqualTo(Delegated));
        Assert.That(await _world.WhereAsync("other.example"), Does.StartWith("127.0.0.1:8448"));
    }

    [TestCase(200, "")]
    [TestCase(200, "{")]
    [TestCase(200, "[]")]
    [TestCase(200, "{}")]
    [TestCase(200, "{\"m.server\":\"a b\"}")]
    [TestCase(404, "{\"m.server\":\"127.0.0.5\"}")]
    [TestCase(500, "")]
    public async Task An_invalid_response_leads_to_the_next_step(int status, string body)
    {
        _world.Web.Answers("example.org", new StubReply(status, body));
        Assert.That(await WhereAsync(), Is.EqualTo(NotDelegated));
    }

    [Test]
    public async Task The_type_of_the_body_does_not_matter()
    {
        var fields = new Dictionary<string, string> { ["Content-Type"] = "text/html; charset=utf-16" };
        _world.Web.Answers("example.org", Delegates with { Fields = fields });
        Assert.That(await WhereAsync(), Is.EqualTo(Delegated));
    }

    [Test]
    public async Task A_slow_response_costs_the_time_of_a_request()
    {
        var discovery = _world.Make(_world.Options with { WellKnownTime = TimeSpan.FromMilliseconds(300) });
        _world.Web.Answers("example.org", Delegates with { Delay = TimeSpan.FromSeconds(20) });

        var result = await discovery.FindAsync("example.org", CancellationToken.None);

        Assert.That(result.Address!.HostHeader, Is.EqualTo("example.org"));
    }

    [Test]
    public async Task An_address_that_does_not_answer_leads_to_the_next_one()
    {
        using var silent = new TcpListener(IPAddress.Parse("127.0.0.2"), Port);
        silent.Start();
        _world.Web.Answers("example.org", Delegates);
        // It also limits the connection to the address that answers.
        var options = _world.Options with { WellKnownConnectTime = TimeSpan.FromSeconds(4) };
        using var fetcher = new HttpWellKnownFetcher(
            options, new AddressPolicy(options), new TwoAddresses(), new CertificateTrust(options));

        var page = await fetcher.GetAsync(
            new Uri($"https://example.org:{Port}{WellKnownStub.Path}"), 1000, CancellationToken.None);

        Assert.That(page.Status, Is.EqualTo(200), page.Failure);
    }

    /// <summary>Every name has a silent address, and then that of the web server.</summary>
    private sealed class TwoAddresses : IDnsResolver
    {
        public ValueTask<DnsAnswer> AskAsync(string name, DnsType type, CancellationToken stop) =>
            ValueTask.FromResult(new DnsAnswer
            {
                Addresses = type == DnsType.A ? [IPAddress.Parse("127.0.0.2"), IPAddress.Loopback] : [],
            });
    }

    [Test]
    public async Task The_certificate_must_be_for_the_host_and_by_a_trusted_authority()
    {
        using var stranger = new TestAuthority();
        await using var wrongName = WellKnownStub.Start(_world.Authority.Issue("www.example"));
        await using var wrongAuthority = WellKnownStub.Start(stranger.Issue("example.org"));
        foreach (var web in new[] { wrongName, wrongAuthority })
        {
            web.Answers("example.org", Delegates);
            var discovery = _world.Make(_world.Options with { WellKnownPort = web.EndPoint.Port });
            var result = await discovery.FindAsync("example.org", CancellationToken.None);
            Assert.That(result.Address!.HostHeader, Is.EqualTo("example.org"));
            Assert.That(web.Connections, Is.EqualTo(1));
            Assert.That(web.Requests, Is.Empty);
        }
    }

    [Test]
    public async Task A_host_with_only_private_addresses_gets_no_connection()
    {
        var discovery = _world.Make(_world.Options with { AllowNetworks = [] });
        _world.Web.Answers("example.org", StubReply.Delegates("1.1.1.1"));

        var result = await discovery.FindAsync("example.org", CancellationToken.None);

        Assert.That(result.IsFound, Is.False);
        Assert.That(_world.Web.Connections, Is.Zero);
    }

    [Test]
    public async Task A_response_is_kept_as_long_as_its_headers_say()
    {
        var fields = new Dictionary<string, string> { ["Cache-Control"] = "max-age=7200" };
        _world.Web.Answers("example.org", Delegates with { Fields = fields });
        await WhereAsync();
        _world.Web.Answers("example.org", StubReply.Delegates("127.0.0.6"));

        _world.Time.Advance(TimeSpan.FromMinutes(119));
        Assert.That(await WhereAsync(), Is.EqualTo(Delegated));
        Assert.That(_world.Web.Count("example.org"), Is.EqualTo(1));

        _world.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(await WhereAsync(), Does.StartWith("127.0.0.6:8448"));
        Assert.That(_world.Web.Count("example.org"), Is.EqualTo(2));
    }

    [TestCase("Thu, 01 Jan 2026 03:00:00 GMT", 3)]
    [TestCase("Thursday, 01-Jan-26 03:00:00 GMT", 3)]
    [TestCase("Thu Jan  1 03:00:00 2026", 3)]
    [TestCase(null, 24)]
    public async Task A_response_is_kept_until_it_expires_or_for_a_day(string? expires, int hours)
    {
        // The clock of these tests starts with the year 2026.
        var fields = expires is null
            ? new Dictionary<string, string>()
            : new Dictionary<string, string> { ["Expires"] = expires };
        _world.Web.Answers("example.org", Delegates with { Fields = fields });
        await WhereAsync();

        _world.Time.Advance(TimeSpan.FromMinutes((60 * hours) - 1));
        await WhereAsync();
        Assert.That(_world.Web.Count("example.org"), Is.EqualTo(1));

        _world.Time.Advance(TimeSpan.FromMinutes(2));
        await WhereAsync();
        Assert.That(_world.Web.Count("example.org"), Is.EqualTo(2));
    }

    [Test]
    public async Task Failures_are_kept_for_a_minute_then_for_two_then_for_four()
    {
        var requests = new List<int>();
        for (var minute = 0; minute < 8; minute++)
        {
            await WhereAsync();
            requests.Add(_world.Web.Count("example.org"));
            _world.Time.Advance(TimeSpan.FromSeconds(61));
        }

        Assert.That(requests, Is.EqualTo(new[] { 1, 2, 2, 3, 3, 3, 3, 4 }));
    }

    [Test]
    public async Task A_host_that_does_not_listen_leads_to_the_next_step()
    {
        var port = Matrix.Processes.Repository.FreePort();
        var discovery = _world.Make(_world.Options with { WellKnownPort = port });

        var result = await discovery.FindAsync("example.org", CancellationToken.None);

        Assert.That(result.Address!.EndPoints.Single().Port, Is.EqualTo(8448));
    }
}
