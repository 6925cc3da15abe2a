using System.Net;
using Matrix.Host.Network;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Processes.Network;

namespace Matrix.Host.Tests.Network;

/// <summary>Lookups by libunbound against a name server of ours.</summary>
internal sealed class UnboundResolverTests
{
    private DnsStub _dns = null!;
    private UnboundResolver _resolver = null!;

    [SetUp]
    public void Start()
    {
        _dns = DnsStub.Start();
        _resolver = new UnboundResolver(Options());
    }

    [TearDown]
    public async Task StopAsync()
    {
        _resolver.Dispose();
        await _dns.DisposeAsync();
    }

    private NetworkOptions Options() => new() { ServerName = "us.example", Nameservers = [_dns.EndPoint] };

    private async Task<DnsAnswer> AskAsync(string name, DnsType type) =>
        await _resolver.AskAsync(name, type, CancellationToken.None);

    private static string[] Text(DnsAnswer answer) =>
        [.. answer.Addresses.Select(address => address.ToString()).Order(StringComparer.Ordinal)];

    [Test]
    public async Task Addresses_of_both_kinds_are_found()
    {
        _dns.Addresses("host.example", "192.0.2.1", "192.0.2.2", "2001:db8::1");

        Assert.That(Text(await AskAsync("host.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1", "192.0.2.2" }));
        var six = await AskAsync("host.example", DnsType.Aaaa);
        Assert.That(Text(six), Is.EqualTo(new[] { "2001:db8::1" }));
        Assert.That(six.IsAlias, Is.False);
        Assert.That(six.TimeToLive, Is.EqualTo(TimeSpan.FromSeconds(60)));
    }

    [Test]
    public async Task Services_are_found_with_the_root_as_a_dot()
    {
        _dns.Service("_matrix._tcp.host.example", 10, 20, 8443, "target.example")
            .Service("_matrix._tcp.host.example", 11, 21, 0, ".");

        var answer = await AskAsync("_matrix._tcp.host.example", DnsType.Srv);

        Assert.That(
            answer.Services.Select(s => (s.Priority, s.Weight, s.Port, s.Target)),
            Is.EquivalentTo(new[] { (10, 20, 8443, "target.example"), (11, 21, 0, ".") }));
    }

    [Test]
    public async Task Aliases_are_followed_and_seen()
    {
        _dns.Alias("alias.example", "other.example").Alias("other.example", "host.example")
            .Addresses("host.example", "192.0.2.1");

        var answer = await AskAsync("alias.example", DnsType.A);

        Assert.That(Text(answer), Is.EqualTo(new[] { "192.0.2.1" }));
        Assert.That(answer.IsAlias, Is.True);
    }

    [Test]
    public async Task A_name_in_other_letters_is_no_alias()
    {
        _dns.Addresses("host.example", "192.0.2.1");

        var answer = await AskAsync("HOST.Example", DnsType.A);

        Assert.That(Text(answer), Is.EqualTo(new[] { "192.0.2.1" }));
        Assert.That(answer.IsAlias, Is.False);
    }

    [Test]
    public async Task A_loop_of_aliases_ends()
    {
        _dns.Alias("a.example", "b.example").Alias("b.example", "a.example");

        var answer = await AskAsync("a.example", DnsType.A);

        Assert.That(answer.Addresses, Is.Empty);
    }

    [Test]
    public async Task A_truncated_answer_is_asked_for_again_over_TCP()
    {
        _dns.Addresses("large.example", "192.0.2.1").Truncates("large.example");

        Assert.That(Text(await AskAsync("large.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
        Assert.That(_dns.QuestionsOverTcp, Is.Positive);
    }

    [Test]
    public async Task The_absence_of_a_name_or_of_records_is_an_answer_and_is_kept()
    {
        _dns.Addresses("host.example", "192.0.2.1");

        for (var i = 0; i < 3; i++)
        {
            var noName = await AskAsync("nobody.example", DnsType.A);
            var noRecords = await AskAsync("host.example", DnsType.Srv);
            Assert.That(noName.Failure ?? noRecords.Failure, Is.Null);
            Assert.That(noName.Addresses.Count + noRecords.Services.Count, Is.Zero);

            // The name server has them from now on. Questions are not counted: libunbound repeats those whose answers
            // are late.
            _dns.Addresses("nobody.example", "192.0.2.2").Service("host.example", 0, 0, 1, "target.example");
        }
    }

    [Test]
    public async Task Answers_are_kept_for_their_time_to_live()
    {
        _dns.Addresses("kept.example", "192.0.2.1").Addresses("host.example", "192.0.2.1");
        Assert.That(Text(await AskAsync("kept.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
        _dns.TimeToLive = 1;
        Assert.That(Text(await AskAsync("host.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));

        _dns.Addresses("kept.example", "192.0.2.2").Addresses("host.example", "192.0.2.2");
        Assert.That(
            async () => Text(await AskAsync("host.example", DnsType.A)),
            Is.EqualTo(new[] { "192.0.2.2" }).After(20_000, 200));
        Assert.That(Text(await AskAsync("kept.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_failure_of_the_name_server_is_a_failure_and_no_absence(bool isRefused)
    {
        _dns.Addresses("host.example", "192.0.2.1");
        if (isRefused) _dns.Refuses("host.example"); else _dns.Fails("host.example");

        var answer = await AskAsync("host.example", DnsType.A);

        Assert.That(answer.Failure, Is.Not.Null);
        Assert.That(answer.Addresses, Is.Empty);
    }

    [Test]
    public async Task A_silent_name_server_costs_the_time_of_a_lookup_and_other_names_are_answered_meanwhile()
    {
        using var hasty = new UnboundResolver(Options() with { LookupTime = TimeSpan.FromMilliseconds(700) });
        _dns.IsSilentAbout("silent.example").Addresses("host.example", "192.0.2.1");

        var silent = AskAsync("silent.example", DnsType.A);
        var other = await AskAsync("host.example", DnsType.A);
        Assert.That(silent.IsCompleted, Is.False);
        Assert.That(Text(other), Is.EqualTo(new[] { "192.0.2.1" }));

        var failed = await hasty.AskAsync("silent.example", DnsType.A, CancellationToken.None);
        Assert.That(failed.Failure, Does.Contain("in time"));
    }

    [Test]
    public async Task A_caller_that_leaves_gets_no_answer_and_the_resolver_goes_on()
    {
        _dns.IsSilentAbout("silent.example").Addresses("host.example", "192.0.2.1");
        using var leaving = new CancellationTokenSource(100);

        Assert.That(
            async () => await _resolver.AskAsync("silent.example", DnsType.A, leaving.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Text(await AskAsync("host.example", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
    }

    [Test]
    public async Task Many_slow_lookups_run_at_once_without_a_pool_thread_each()
    {
        const int lookups = 200;
        var names = Enumerable.Range(0, lookups).Select(i => $"host{i}.example").ToList();
        foreach (var name in names)
        {
            _dns.Addresses(name, "192.0.2.1").Delays(name, TimeSpan.FromMilliseconds(300));
        }

        var before = ThreadPool.ThreadCount;
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var answers = await Task.WhenAll(names.Select(name => AskAsync(name, DnsType.A)));

        Assert.That(answers.All(answer => answer.Addresses.Count == 1), Is.True);
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(10)), "one after the other takes a minute");
        Assert.That(ThreadPool.ThreadCount, Is.LessThan(before + 32));
    }

    [Test]
    public async Task Lookups_beyond_the_bound_wait_for_their_turn()
    {
        using var resolver = new UnboundResolver(Options() with { MaxLookups = 2 });
        var names = Enumerable.Range(0, 6).Select(i => $"host{i}.example").ToList();
        foreach (var name in names)
        {
            _dns.Addresses(name, "192.0.2.1").Delays(name, TimeSpan.FromMilliseconds(100));
        }

        var answers = await Task.WhenAll(
            names.Select(name => resolver.AskAsync(name, DnsType.A, CancellationToken.None).AsTask()));

        Assert.That(answers.All(answer => answer.Addresses.Count == 1), Is.True);
    }

    [Test]
    public async Task The_names_of_test_networks_are_asked_for_too()
    {
        _dns.Addresses("host.test", "192.0.2.1").Addresses("host.home.arpa", "192.0.2.2");

        Assert.That(Text(await AskAsync("host.test", DnsType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
        Assert.That(Text(await AskAsync("host.home.arpa", DnsType.A)), Is.EqualTo(new[] { "192.0.2.2" }));
    }

    [Test]
    public async Task Localhost_is_the_loopback_address_without_a_question()
    {
        Assert.That(Text(await AskAsync("localhost", DnsType.A)), Is.EqualTo(new[] { "127.0.0.1" }));
        Assert.That(_dns.Questions, Is.Zero);
    }

    [Test]
    public async Task Without_name_servers_of_its_own_it_reads_those_and_the_hosts_of_the_system()
    {
        using var resolver = new UnboundResolver(new NetworkOptions { ServerName = "us.example" });
        var answer = await resolver.AskAsync("localhost", DnsType.A, CancellationToken.None);
        Assert.That(Text(answer), Is.EqualTo(new[] { "127.0.0.1" }));
    }

    [Test]
    public async Task A_second_name_server_answers_when_the_first_is_down()
    {
        // Nothing listens on this port.
        var down = new IPEndPoint(IPAddress.Loopback, Matrix.Processes.Repository.FreePort());
        using var resolver = new UnboundResolver(Options() with { Nameservers = [down, _dns.EndPoint] });
        _dns.Addresses("host.example", "192.0.2.1");

        var answer = await resolver.AskAsync("host.example", DnsType.A, CancellationToken.None);

        Assert.That(Text(answer), Is.EqualTo(new[] { "192.0.2.1" }));
    }

    [Test]
    public async Task Lookups_that_run_when_it_ends_fail()
    {
        var resolver = new UnboundResolver(Options());
        _dns.IsSilentAbout("silent.example");
        var asking = resolver.AskAsync("silent.example", DnsType.A, CancellationToken.None).AsTask();

        resolver.Dispose();

        Assert.That((await asking).Failure, Does.Contain("stopped"));
        Assert.That(
            async () => await resolver.AskAsync("host.example", DnsType.A, CancellationToken.None),
            Throws.InstanceOf<ObjectDisposedException>());
    }
}
