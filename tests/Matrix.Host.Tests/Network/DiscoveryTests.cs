using Matrix.Host.Network.Discovery;
using Matrix.Processes.Network;

namespace Matrix.Host.Tests.Network;

/// <summary>Server-Server API, "Resolving server names", with real lookups and requests.</summary>
internal sealed class DiscoveryTests
{
    private DiscoveryWorld _world = null!;

    [SetUp]
    public void Start() => _world = new DiscoveryWorld();

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    private static StubReply To(string server) => StubReply.Delegates(server);

    [Test]
    public async Task Literals_and_names_with_a_port_need_no_well_known_request()
    {
        _world.Dns.Addresses("host.example", "127.0.0.5");

        Assert.That(await _world.WhereAsync("127.0.0.2"), Is.EqualTo("127.0.0.2:8448 127.0.0.2 127.0.0.2"));
        Assert.That(await _world.WhereAsync("127.0.0.2:99"), Is.EqualTo("127.0.0.2:99 127.0.0.2:99 127.0.0.2"));
        Assert.That(
            await _world.WhereAsync("host.example:99"), Is.EqualTo("127.0.0.5:99 host.example:99 host.example"));
        Assert.That(await _world.WhereAsync("localhost:99"), Is.EqualTo("127.0.0.1:99 localhost:99 localhost"));
        Assert.That(_world.Web.Connections, Is.Zero);
        Assert.That(_world.Dns.Count("_matrix-fed._tcp.host.example", StubType.Srv), Is.Zero);
    }

    [Test]
    public async Task A_certificate_for_an_address_is_known_as_such()
    {
        var literal = await _world.FindAsync("127.0.0.2");
        var named = await _world.FindAsync("localhost:1");
        Assert.That(literal.Address!.CertificateIsForAddress, Is.True);
        Assert.That(named.Address!.CertificateIsForAddress, Is.False);
    }

    [Test]
    public async Task A_delegation_is_followed_to_a_port_an_address_or_a_service()
    {
        _world.Dns.Addresses("host.example", "127.0.0.5")
            .Service("_matrix-fed._tcp.m.example", 0, 0, 77, "host.example");

        _world.Web.Answers("example.org", To("host.example:99"));
        Assert.That(
            await _world.WhereAsync("example.org"), Is.EqualTo("127.0.0.5:99 host.example:99 host.example"));

        _world.Web.Answers("other.example", To("127.0.0.6:98"));
        Assert.That(await _world.WhereAsync("other.example"), Is.EqualTo("127.0.0.6:98 127.0.0.6:98 127.0.0.6"));

        _world.Web.Answers("www.example", To("m.example"));
        Assert.That(await _world.WhereAsync("www.example"), Is.EqualTo("127.0.0.5:77 m.example m.example"));
    }

    [Test]
    public async Task Without_a_delegation_the_services_and_then_port_8448_are_used()
    {
        _world.Dns.Addresses("host.example", "127.0.0.5")
            .Service("_matrix-fed._tcp.example.org", 0, 0, 77, "host.example")
            .Service("_matrix._tcp.other.example", 0, 0, 78, "host.example");

        Assert.That(await _world.WhereAsync("example.org"), Is.EqualTo("127.0.0.5:77 example.org example.org"));
        Assert.That(await _world.WhereAsync("other.example"), Is.EqualTo("127.0.0.5:78 other.example other.example"));
        Assert.That(await _world.WhereAsync("www.example"), Is.EqualTo("127.0.0.1:8448 www.example www.example"));
    }

    [Test]
    public async Task Services_are_tried_by_priority()
    {
        _world.Dns.Addresses("a.example", "127.0.0.5").Addresses("b.example", "127.0.0.6")
            .Service("_matrix-fed._tcp.example.org", 20, 0, 1, "a.example")
            .Service("_matrix-fed._tcp.example.org", 10, 0, 2, "b.example");

        Assert.That(
            await _world.WhereAsync("example.org"),
            Is.EqualTo("127.0.0.6:2 127.0.0.5:1 example.org example.org"));
    }

    [Test]
    public async Task A_service_with_the_root_or_an_alias_as_its_target_is_no_service()
    {
        _world.Dns.Addresses("host.example", "127.0.0.5").Alias("alias.example", "host.example")
            .Service("_matrix-fed._tcp.example.org", 0, 0, 0, ".")
            .Service("_matrix-fed._tcp.other.example", 0, 0, 1, "alias.example");

        Assert.That((await _world.FindAsync("example.org")).Kind, Is.EqualTo(DiscoveryFailureKind.NoService));
        var alias = await _world.FindAsync("other.example");
        Assert.That(alias.Kind, Is.EqualTo(DiscoveryFailureKind.NoService));
        Assert.That(alias.Failure, Does.Contain("alias"));
    }

    [Test]
    public async Task A_name_may_be_an_alias_itself()
    {
        _world.Dns.Addresses("host.example", "127.0.0.5").Alias("alias.example", "host.example");

        Assert.That(
            await _world.WhereAsync("alias.example:1"), Is.EqualTo("127.0.0.5:1 alias.example:1 alias.example"));
    }

    [TestCase("not a name")]
    [TestCase("example.org:0")]
    [TestCase("127.1")]
    [TestCase("2130706433")]
    public async Task Names_that_no_host_can_have_are_refused_without_a_lookup(string name)
    {
        Assert.That((await _world.FindAsync(name)).Kind, Is.EqualTo(DiscoveryFailureKind.InvalidName));
        Assert.That(_world.Dns.Questions + _world.Web.Connections, Is.Zero);
    }

    [Test]
    public async Task Failures_are_told_apart()
    {
        _world.Dns.Fails("broken.example").Addresses("private.example", "10.0.0.1", "fd00::1");

        Assert.That((await _world.FindAsync("nobody.example:1")).Kind, Is.EqualTo(DiscoveryFailureKind.NotFound));
        Assert.That((await _world.FindAsync("broken.example:1")).Kind, Is.EqualTo(DiscoveryFailureKind.LookupFailed));
        var refused = await _world.FindAsync("private.example:1");
        Assert.That(refused.Kind, Is.EqualTo(DiscoveryFailureKind.AddressRefused));
        Assert.That((await _world.FindAsync("[::1]:1")).Kind, Is.EqualTo(DiscoveryFailureKind.AddressRefused));
    }

    [Test]
    public async Task Private_addresses_are_left_out_beside_allowed_ones()
    {
        _world.Dns.Addresses("mixed.example", "10.0.0.1", "127.0.0.5");

        Assert.That(
            await _world.WhereAsync("mixed.example:1"), Is.EqualTo("127.0.0.5:1 mixed.example:1 mixed.example"));
    }

    [Test]
    public async Task A_name_server_that_is_silent_costs_a_bounded_time()
    {
        var discovery = _world.Make(_world.Options with { DiscoveryTime = TimeSpan.FromMilliseconds(500) });
        _world.Dns.IsSilentAbout("silent.example");

        var result = await discovery.FindAsync("silent.example:1", CancellationToken.None);

        Assert.That(result.Kind, Is.EqualTo(DiscoveryFailureKind.TimedOut));
    }

    [Test]
    public async Task One_name_is_resolved_once_at_a_time_and_once_in_its_time_to_live()
    {
        _world.Web.Answers("example.org", To("host.example:1") with { Delay = TimeSpan.FromMilliseconds(300) });
        _world.Dns.Addresses("host.example", "127.0.0.5");

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _world.WhereAsync("example.org")));
        // Questions are not counted: libunbound repeats those whose answers are late.
        _world.Dns.Addresses("host.example", "127.0.0.6");
        var again = await _world.WhereAsync("example.org");

        Assert.That(
            results.Append(again).Distinct(), Is.EqualTo(new[] { "127.0.0.5:1 host.example:1 host.example" }));
        Assert.That(_world.Web.Count("example.org"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_caller_that_leaves_does_not_end_the_resolution_of_the_others()
    {
        _world.Dns.Addresses("slow.example", "127.0.0.5").IsSilentAbout("slow.example");
        using var leaving = new CancellationTokenSource();

        var first = _world.Discovery.FindAsync("slow.example:1", leaving.Token).AsTask();
        var second = _world.WhereAsync("slow.example:1");
        await leaving.CancelAsync();

        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());
        _world.Dns.Recovers("slow.example");
        Assert.That(await second, Does.StartWith("127.0.0.5:1 "));
    }

    [Test]
    public async Task More_names_at_once_than_the_bound_fail_at_once()
    {
        var discovery = _world.Make(_world.Options with { MaxDiscoveries = 1 });
        _world.Dns.Addresses("slow.example", "127.0.0.5").IsSilentAbout("slow.example");

        var slow = discovery.FindAsync("slow.example:1", CancellationToken.None);
        var other = await discovery.FindAsync("127.0.0.1", CancellationToken.None);
        _world.Dns.Recovers("slow.example");

        Assert.That(other.Kind, Is.EqualTo(DiscoveryFailureKind.Busy));
        Assert.That((await slow).IsFound, Is.True);
        Assert.That((await discovery.FindAsync("127.0.0.1", CancellationToken.None)).IsFound, Is.True);
    }

    [Test]
    public async Task A_name_with_other_addresses_is_found_there_once_its_time_to_live_is_over()
    {
        _world.Dns.TimeToLive = 1;
        _world.Dns.Addresses("host.example", "127.0.0.5");
        Assert.That(await _world.WhereAsync("host.example:1"), Does.StartWith("127.0.0.5:1 "));

        _world.Dns.Addresses("host.example", "127.0.0.6");
        Assert.That(
            async () =>
            {
                _world.Time.Advance(TimeSpan.FromSeconds(6));
                return await _world.WhereAsync("host.example:1");
            },
            Does.StartWith("127.0.0.6:1 ").After(20_000, 200));
    }

    [Test]
    public async Task A_name_that_is_rebound_to_a_private_address_is_refused()
    {
        _world.Dns.TimeToLive = 1;
        _world.Dns.Addresses("host.example", "127.0.0.5");
        Assert.That((await _world.FindAsync("host.example:1")).IsFound, Is.True);

        _world.Dns.Addresses("host.example", "169.254.169.254");
        Assert.That(
            async () =>
            {
                _world.Time.Advance(TimeSpan.FromSeconds(6));
                return (await _world.FindAsync("host.example:1")).Kind;
            },
            Is.EqualTo(DiscoveryFailureKind.AddressRefused).After(20_000, 200));
    }

    [Test]
    public async Task A_failure_is_kept_for_a_short_time()
    {
        _world.Dns.Fails("broken.example");
        Assert.That((await _world.FindAsync("broken.example:1")).IsFound, Is.False);
        _world.Dns.Addresses("broken.example", "127.0.0.5").Recovers("broken.example");
        Assert.That((await _world.FindAsync("broken.example:1")).IsFound, Is.False);

        Assert.That(
            async () =>
            {
                _world.Time.Advance(TimeSpan.FromSeconds(11));
                return (await _world.FindAsync("broken.example:1")).IsFound;
            },
            Is.True.After(30_000, 500));
    }
}
