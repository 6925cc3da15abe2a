using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network;
using Matrix.Host.Network.Discovery;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Keys;
using Matrix.Host.Storage;
using Matrix.Host.Tests.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Network;

/// <summary>
/// Keys of other servers: which count, for how long, and how often they are fetched. On both databases.
/// </summary>
internal sealed class ServerKeysTests(string kind) : StorageTests(kind)
{
    private const string Us = "us.example";
    private const string Them = "them.example";
    private const string One = "ed25519:1";
    private const string Two = "ed25519:2";
    private const long Day = 24L * 60 * 60 * 1000;

    private static readonly IPAddress _stranger = IPAddress.Parse("192.0.2.7");

    private readonly Ed25519Key _first = Ed25519Key.Generate();
    private readonly Ed25519Key _second = Ed25519Key.Generate();
    private readonly SigningKey _own = SigningKeyFile.Generate();
    private KeyServers _servers = null!;
    private NetworkOptions _options = null!;
    private KeyFetcher? _fetcher;
    private ServerKeys? _keys;

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    private ServerKeys Keys => _keys ??= new ServerKeys(
        Store.ServerKeys,
        Store.Writer,
        _fetcher = new KeyFetcher(
            new FederationOperations(_servers, _options), _options, Time, NullLogger<KeyFetcher>.Instance),
        new OwnKeys(Ring("old"), _options, Time),
        new ServerFilter([], ["denied.example"]),
        _options,
        Time);

    [SetUp]
    public void Prepare()
    {
        _servers = new KeyServers();
        _options = new NetworkOptions { ServerName = Us };
        _keys = null;
    }

    [TearDown]
    public void Close() => _fetcher?.Dispose();

    [Test]
    public async Task Keys_are_fetched_once_and_then_known()
    {
        Publish(Response().With(One, _first).With(Two, _second));

        var first = await Find(Them, One);
        var both = await Find(Them, One, Two);

        Assert.That(first[One].PublicKey.ToArray(), Is.EqualTo(_first.PublicKey.ToArray()));
        Assert.That((first[One].Server, first[One].KeyId, first[One].ExpiredAt), Is.EqualTo((Them, One, (long?)null)));
        Assert.That(both.Keys, Is.EquivalentTo(new[] { One, Two }));
        Assert.That(_servers.Requests, Is.EqualTo(1));
    }

    [Test]
    public async Task Many_who_need_a_servers_keys_cause_one_fetch()
    {
        Publish(Response().With(One, _first));
        var gate = new TaskCompletionSource();
        _servers.Gate = gate.Task;

        var finds = Enumerable.Range(0, 30).Select(_ => Find(Them, One)).ToList();
        Assert.That(() => _servers.Requests, Is.EqualTo(1).After(5000, 10));
        gate.SetResult();

        Assert.That((await Task.WhenAll(finds)).Select(found => found.Count), Is.All.EqualTo(1));
        Assert.That(_servers.Requests, Is.EqualTo(1));
    }

    [Test]
    public async Task A_caller_that_goes_away_does_not_stop_the_fetch()
    {
        Publish(Response().With(One, _first));
        var gate = new TaskCompletionSource();
        _servers.Gate = gate.Task;
        using var stop = new CancellationTokenSource();

        var gone = Keys.FindAsync(Them, [One], Now, KeyUse.Request, stop.Token).AsTask();
        var stays = Find(Them, One);
        await stop.CancelAsync();
        Assert.That(async () => await gone, Throws.InstanceOf<OperationCanceledException>());
        gate.SetResult();

        Assert.That((await stays).Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task A_response_with_a_wrong_signature_does_not_count()
    {
        Publish(Response().WithUnsigned(One, _first).SignedBy(One, _second));

        Assert.That(await Find(Them, One), Is.Empty);
    }

    [Test]
    public async Task Every_key_in_use_must_have_signed()
    {
        Publish(Response().With(One, _first).WithUnsigned(Two, _second));

        Assert.That(await Find(Them, One), Is.Empty);
    }

    [Test]
    public async Task The_keys_of_another_server_do_not_count()
    {
        _servers.Answers(Them, new KeyResponseMaker("other.example", Now + Day).With(One, _first).Make());

        Assert.That(await Find(Them, One), Is.Empty);
    }

    [Test]
    public async Task A_server_that_fails_is_left_alone_for_a_while_that_doubles()
    {
        var pauses = new List<double>();
        for (var n = 0; n < 9; n++)
        {
            var (before, start) = (_servers.Requests, Time.GetUtcNow());
            while (_servers.Requests == before)
            {
                Assert.That(await Find(Them, One), Is.Empty);
                if (_servers.Requests == before) Time.Advance(TimeSpan.FromSeconds(1));
            }

            if (n > 0) pauses.Add((Time.GetUtcNow() - start).TotalSeconds);
        }

        Assert.That(pauses, Is.EqualTo(new double[] { 10, 20, 40, 80, 160, 320, 600, 600 }));
        Publish(Response().With(One, _first));
        Time.Advance(_options.LongestKeyFetchPause);
        Assert.That((await Find(Them, One)).Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task A_new_key_is_found_and_the_former_one_verifies_older_events_only()
    {
        Publish(Response().With(One, _first));
        await Find(Them, One);
        Time.Advance(TimeSpan.FromMinutes(1));
        var end = Now;
        Time.Advance(TimeSpan.FromMinutes(1));
        Publish(Response().With(Two, _second).WithFormer(One, _first, end));

        Assert.That((await Find(Them, Two)).Keys, Is.EqualTo(new[] { Two }));
        Assert.That(await Find(Them, One), Is.Empty, "requests");
        Assert.That(await FindFor(KeyUse.Request, end - 1, One), Is.Empty, "requests of any time");
        Assert.That((await FindFor(KeyUse.Event, end, One))[One].ExpiredAt, Is.EqualTo(end));
        Assert.That(await FindFor(KeyUse.Event, end + 1, One), Is.Empty);
        Assert.That(await FindFor(KeyUse.EventWithoutValidity, end + 1, One), Is.Empty);
        Assert.That(_servers.Requests, Is.EqualTo(2));
    }

    [Test]
    public async Task A_key_that_is_published_no_more_ends_when_that_is_seen()
    {
        Publish(Response().With(One, _first));
        await Find(Them, One);
        var before = Now;
        Time.Advance(TimeSpan.FromMinutes(1));
        Publish(Response().With(Two, _second));
        await Find(Them, Two);

        Assert.That(await Find(Them, One), Is.Empty);
        Assert.That((await FindFor(KeyUse.Event, before, One)).Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task A_former_key_has_ended_by_now_whatever_the_server_says()
    {
        var fetched = Now;
        Publish(Response().With(Two, _second).WithFormer(One, _first, Now + Day));

        Assert.That((await FindFor(KeyUse.Event, fetched, One))[One].ExpiredAt, Is.EqualTo(fetched));
        Assert.That(await FindFor(KeyUse.Event, fetched + 1, One), Is.Empty);
    }

    [Test]
    public async Task A_key_is_valid_for_seven_days_at_the_most_and_is_then_fetched_again()
    {
        Publish(new KeyResponseMaker(Them, Now + (1000 * Day)).With(One, _first));
        var fetched = Now;
        Assert.That((await Find(Them, One))[One].ValidUntil, Is.EqualTo(fetched + (7 * Day)));

        Time.Advance(TimeSpan.FromDays(7));
        await Find(Them, One);
        Assert.That(_servers.Requests, Is.EqualTo(1));
        Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((await Find(Them, One))[One].ValidUntil, Is.EqualTo(Now + (7 * Day)));
        Assert.That(_servers.Requests, Is.EqualTo(2));
    }

    [Test]
    public async Task A_key_whose_validity_is_over_verifies_events_of_its_time_and_of_old_room_versions()
    {
        Publish(Response().With(One, _first));
        var end = (await Find(Them, One))[One].ValidUntil;
        _servers.Fails(Them);
        Time.Advance(TimeSpan.FromDays(2));

        Assert.That(await Find(Them, One), Is.Empty);
        Assert.That(await FindFor(KeyUse.Event, end + 1, One), Is.Empty);
        Assert.That((await FindFor(KeyUse.Event, end, One)).Keys, Is.EqualTo(new[] { One }));
        Assert.That((await FindFor(KeyUse.EventWithoutValidity, end + 1, One)).Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task Which_room_versions_ignore_the_validity_is_in_the_rules()
    {
        await Task.CompletedTask;

        Assert.That(
            RoomRules.Known.Where(version => !RoomRules.Find(version)!.EnforcesKeyValidity),
            Is.EqualTo(new[] { "1", "2", "3", "4" }));
    }

    [Test]
    public async Task Nothing_is_fetched_that_cannot_help()
    {
        Publish(Response().With(One, _first));

        Assert.That(await FindFor(KeyUse.Event, Now + (7 * Day) + 1, One), Is.Empty, "nothing is valid that long");
        Assert.That(await Find(Them, "ed25519:", "rsa:1", "ed25519:a/b"), Is.Empty, "no key ids");
        Assert.That(await Find("not a name", One), Is.Empty);
        Assert.That(await Find("denied.example", One), Is.Empty);
        Assert.That(await Find(Them), Is.Empty);
        Assert.That(_servers.Requests, Is.Zero);
    }

    [Test]
    public async Task An_unknown_key_id_does_not_cause_a_fetch_for_each_request()
    {
        Publish(Response().With(One, _first));

        for (var n = 0; n < 50; n++) Assert.That(await Find(Them, $"ed25519:x{n}"), Is.Empty);
        Assert.That(_servers.Requests, Is.EqualTo(1));
        Assert.That((await Find(Them, One, "ed25519:x")).Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task Fetches_that_strangers_cause_are_bounded_for_each_address_and_overall()
    {
        _options = _options with { MaxKeyFetchesPerAddress = 3, MaxKeyFetchesPerMinute = 5 };
        var other = IPAddress.Parse("192.0.2.8");

        async Task<int> Cause(IPAddress address, string prefix)
        {
            var before = _servers.Requests;
            for (var n = 0; n < 10; n++)
            {
                await Keys.FindAsync($"{prefix}{n}.example", [One], Now, KeyUse.Request, address, Stop);
            }

            return _servers.Requests - before;
        }

        Assert.That(await Cause(_stranger, "a"), Is.EqualTo(3));
        Assert.That(await Cause(other, "b"), Is.EqualTo(2));
        await Find("c.example", One);
        Assert.That(_servers.Requests, Is.EqualTo(6), "our own fetches are not theirs");
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await Cause(other, "d"), Is.EqualTo(3));
    }

    [Test]
    public async Task Slow_servers_that_strangers_name_delay_neither_events_nor_known_servers_nor_other_addresses()
    {
        _options = _options with { MaxStrangerKeyFetches = 8, MaxKnownKeyFetches = 4, MaxKeyFetches = 1 };
        var other = IPAddress.Parse("192.0.2.8");
        Publish(Response().With(One, _first));
        await FindFor(KeyUse.Event, Now, One);
        Time.Advance(TimeSpan.FromMinutes(1));
        var slow = new TaskCompletionSource();
        _servers.GateOf = name => name.StartsWith("slow", StringComparison.Ordinal) ? slow.Task : Task.CompletedTask;
        var waiting = Enumerable.Range(0, 50)
            .Select(n => Keys.FindAsync($"slow{n}.example", [One], Now, KeyUse.Request, _stranger, Stop).AsTask())
            .ToList();
        Assert.That(() => _servers.Requests, Is.EqualTo(3).After(5000, 10), "a quarter of eight, and the first");

        foreach (var name in (string[])["event.example", "request.example"])
        {
            _servers.Answers(name, new KeyResponseMaker(name, Now + Day).With(One, _first).Make());
        }

        Publish(Response().With(Two, _second));
        var found = await Task.WhenAll(
            Keys.FindAsync("event.example", [One], Now, KeyUse.Event, "two.example", Stop).AsTask(),
            Keys.FindAsync("request.example", [One], Now, KeyUse.Request, other, Stop).AsTask(),
            Keys.FindAsync(Them, [Two], Now, KeyUse.Request, _stranger, Stop).AsTask())
            .WaitAsync(TimeSpan.FromSeconds(20));

        Assert.That(found.Select(each => each.Count), Is.All.EqualTo(1));
        slow.SetResult();
        await Task.WhenAll(waiting);
    }

    [Test]
    public async Task An_event_does_not_wait_for_a_fetch_of_a_stranger_that_waits()
    {
        _options = _options with { MaxStrangerKeyFetches = 4 };
        var slow = new TaskCompletionSource();
        _servers.GateOf = name => name == "slow.example" ? slow.Task : Task.CompletedTask;
        Publish(Response().With(One, _first));
        var first = Keys.FindAsync("slow.example", [One], Now, KeyUse.Request, _stranger, Stop).AsTask();
        Assert.That(() => _servers.Requests, Is.EqualTo(1).After(5000, 10));
        var second = Keys.FindAsync(Them, [One], Now, KeyUse.Request, _stranger, Stop).AsTask();

        var found = await FindFor(KeyUse.Event, Now, One).WaitAsync(TimeSpan.FromSeconds(20));

        Assert.That(found.Keys, Is.EqualTo(new[] { One }));
        Assert.That((await second).Keys, Is.EqualTo(new[] { One }), "it was the same fetch");
        Assert.That(_servers.Requests, Is.EqualTo(2));
        slow.SetResult();
        await first;
    }

    [Test]
    public async Task A_request_does_not_wait_for_a_fetch_that_another_address_waits_for()
    {
        _options = _options with { MaxStrangerKeyFetches = 8 };
        var other = IPAddress.Parse("192.0.2.8");
        var slow = new TaskCompletionSource();
        _servers.GateOf = name => name.StartsWith("slow", StringComparison.Ordinal) ? slow.Task : Task.CompletedTask;
        Publish(Response().With(One, _first));
        var waiting = Enumerable.Range(0, 4)
            .Select(n => Keys.FindAsync($"slow{n}.example", [One], Now, KeyUse.Request, _stranger, Stop).AsTask())
            .ToList();
        waiting.Add(Keys.FindAsync(Them, [One], Now, KeyUse.Request, _stranger, Stop).AsTask());

        var found = await Keys.FindAsync(Them, [One], Now, KeyUse.Request, other, Stop).AsTask()
            .WaitAsync(TimeSpan.FromSeconds(20));

        Assert.That(found.Keys, Is.EqualTo(new[] { One }));
        slow.SetResult();
        await Task.WhenAll(waiting);
    }

    [Test]
    public async Task Strangers_do_not_use_up_the_fetches_of_known_servers_keys()
    {
        _options = _options with { MaxKeyFetchesPerMinute = 2, MaxKnownKeyFetchesPerMinute = 1 };
        Publish(Response().With(One, _first));
        await FindFor(KeyUse.Event, Now, One);
        Time.Advance(TimeSpan.FromMinutes(1));
        for (var n = 0; n < 5; n++)
        {
            await Keys.FindAsync($"a{n}.example", [One], Now, KeyUse.Request, _stranger, Stop);
        }

        Assert.That(_servers.Requests, Is.EqualTo(3));
        Publish(Response().With(One, _first).With(Two, _second));
        Assert.That(await Asked(Two), Is.EqualTo(new[] { Two }), "a new key");
        Time.Advance(_options.KeyFetchPause);
        Assert.That(await Asked("ed25519:forged"), Is.Empty);
        Assert.That(_servers.Requests, Is.EqualTo(4), "the bound of known servers");

        async Task<IEnumerable<string>> Asked(string keyId) =>
            (await Keys.FindAsync(Them, [keyId], Now, KeyUse.Request, _stranger, Stop)).Keys;
    }

    [Test]
    public async Task The_validity_of_known_keys_is_renewed_whatever_strangers_do()
    {
        _options = _options with { MaxKnownKeyFetchesPerMinute = 1 };
        Publish(Response().With(One, _first));
        await FindFor(KeyUse.Event, Now, One);
        Time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        _servers.Fails(Them);
        Assert.That(await Keys.FindAsync(Them, [Two], Now, KeyUse.Request, _stranger, Stop), Is.Empty);
        Time.Advance(_options.KeyFetchPause);
        Publish(Response().With(One, _first));

        var found = await Keys.FindAsync(Them, [One], Now, KeyUse.Request, _stranger, Stop);

        Assert.That(found.Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task Fetches_that_the_events_of_one_server_cause_are_bounded()
    {
        _options = _options with { MaxKeyFetchesPerSender = 3 };

        async Task<int> Cause(string sender, string prefix)
        {
            var before = _servers.Requests;
            for (var n = 0; n < 10; n++)
            {
                await Keys.FindAsync($"{prefix}{n}.example", [One], Now, KeyUse.Event, sender, Stop);
            }

            return _servers.Requests - before;
        }

        Assert.That(await Cause("two.example", "a"), Is.EqualTo(3));
        Assert.That(await Cause("three.example", "b"), Is.EqualTo(3));
        await Keys.FindAsync("two.example", [One], Now, KeyUse.Event, "two.example", Stop);
        Assert.That(_servers.Requests, Is.EqualTo(7), "its own keys are not others'");
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await Cause("two.example", "c"), Is.EqualTo(3));
    }

    [Test]
    public async Task Keys_that_verified_events_are_known_after_a_restart()
    {
        Publish(Response().With(One, _first).WithFormer(Two, _second, Now - 5));
        await FindFor(KeyUse.Event, Now, One);

        await RestartAsync();
        _servers.Fails(Them);
        var events = await FindFor(KeyUse.Event, Now - 5, One, Two);
        var requests = await Find(Them, One, Two);

        Assert.That(events.Keys, Is.EquivalentTo(new[] { One, Two }));
        Assert.That(events[One].PublicKey.ToArray(), Is.EqualTo(_first.PublicKey.ToArray()));
        Assert.That(requests.Keys, Is.EqualTo(new[] { One }));
    }

    [Test]
    public async Task A_key_that_ended_is_not_forgotten_by_the_database()
    {
        Publish(Response().With(One, _first));
        await FindFor(KeyUse.Event, Now, One);
        var before = Now;
        Time.Advance(TimeSpan.FromMinutes(1));
        Publish(Response().With(Two, _second));
        await Find(Them, Two);

        await RestartAsync();
        _servers.Fails(Them);

        Assert.That((await FindFor(KeyUse.Event, before, One, Two)).Keys, Is.EquivalentTo(new[] { One, Two }));
        Assert.That((await Find(Them, One, Two)).Keys, Is.EqualTo(new[] { Two }));
    }

    [Test]
    public async Task Keys_of_servers_that_only_sent_requests_are_not_stored()
    {
        Publish(Response().With(One, _first));
        await Keys.FindAsync(Them, [One], Now, KeyUse.Request, _stranger, Stop);

        await RestartAsync();

        Assert.That(await Store.ServerKeys.OfServerAsync(Them, Stop), Is.Empty);
    }

    [Test]
    public async Task The_former_keys_of_a_server_are_bounded()
    {
        _options = _options with { MaxKeysPerServer = 3 };
        for (var n = 0; n < 10; n++)
        {
            Publish(Response().With($"ed25519:n{n}", Ed25519Key.Generate()));
            Assert.That(await FindFor(KeyUse.Event, Now, $"ed25519:n{n}"), Has.Count.EqualTo(1));
            Time.Advance(TimeSpan.FromMinutes(1));
        }

        await RestartAsync();

        Assert.That(
            (await Store.ServerKeys.OfServerAsync(Them, Stop)).Select(row => row.KeyId),
            Is.EqualTo(new[] { "ed25519:n7", "ed25519:n8", "ed25519:n9" }));
    }

    [Test]
    public async Task Our_own_keys_need_no_request()
    {
        var found = await Find(Us, _own.Id, "ed25519:old", "ed25519:other");

        Assert.That(found[_own.Id].PublicKey.ToArray(), Is.EqualTo(_own.Key.PublicKey.ToArray()));
        Assert.That(found, Has.Count.EqualTo(1));
        Assert.That(
            (await Keys.FindAsync(Us, ["ed25519:old"], 5, KeyUse.Event, Stop)).Keys,
            Is.EqualTo(new[] { "ed25519:old" }));
        Assert.That(_servers.Requests, Is.Zero);
    }

    [Test]
    public async Task What_we_publish_counts_for_others_and_is_signed_again_in_time()
    {
        await Task.CompletedTask;
        var ring = Ring("1");
        var own = new OwnKeys(ring, _options, Time);

        var response = own.Response;
        Assert.That(JsonText.TryParseStored(response.Span, out var json), Is.True);
        Assert.That(KeyResponse.TryRead(json, Us, 9, out var keys, out var fault), Is.True, fault?.ToString());
        Assert.That(keys.Signatures.All(s => Ed25519.Verify(s.PublicKey, keys.BytesToVerify, s.Signature)), Is.True);
        Assert.That(keys.VerifyKeys.Select(key => key.KeyId), Is.EqualTo(new[] { _own.Id }));
        Assert.That(keys.OldVerifyKeys.Select(key => key.KeyId), Is.EqualTo(new[] { One }));
        Assert.That(keys.ValidUntil(Now), Is.EqualTo(Now + Day));

        Time.Advance(TimeSpan.FromHours(11));
        Assert.That(own.Response, Is.EqualTo(response), "not made again");
        Time.Advance(TimeSpan.FromHours(1));
        Assert.That(own.Response.Span.SequenceEqual(response.Span), Is.False);

        ring.Replace(ring.Keys.RotatedTo(new SigningKey("next", _second)).EndedAt(Now));
        Assert.That(JsonText.TryParseStored(own.Response.Span, out json), Is.True);
        Assert.That(KeyResponse.TryRead(json, Us, 9, out keys, out fault), Is.True, fault?.ToString());
        Assert.That(keys.VerifyKeys.Select(key => key.KeyId), Is.EqualTo(new[] { "ed25519:next" }), "made at once");
        Assert.That(keys.OldVerifyKeys.Select(key => (key.KeyId, key.ExpiredAt)), Is.EquivalentTo(new[]
        {
            (_own.Id, (long?)Now), (One, 5),
        }));
    }

    [Test]
    public async Task The_parts_fit_together()
    {
        var discovery = new StubDiscovery();
        await using var parts = new ServiceCollection()
            .AddLogging()
            .AddStorage(Store)
            .AddSingleton(Ring("old"))
            .AddSingleton(_options)
            .AddSingleton<TimeProvider>(Time)
            .AddSingleton<IServerDiscovery>(discovery)
            .AddNetwork()
            .BuildServiceProvider();

        var found = await parts.GetRequiredService<IServerKeys>().FindAsync(Them, [One], Now, KeyUse.Event, Stop);
        var sent = await parts.GetRequiredService<FederationOperations>()
            .QueryProfileAsync(Them, "@user:" + Them, Stop);

        Assert.That(found, Is.Empty);
        Assert.That(sent.Failure!.Kind, Is.EqualTo(FederationFailureKind.NotFound));
        Assert.That(parts.GetRequiredService<OwnKeys>().Response.IsEmpty, Is.False);
    }

    private SigningKeyRing Ring(string former) =>
        new(new SigningKeys(_own, [new FormerKey(former, _first.PublicKey.ToArray(), 5)]));

    private KeyResponseMaker Response() => new(Them, Now + Day);

    private void Publish(KeyResponseMaker response) => _servers.Answers(Them, response.Make());

    private Task<IReadOnlyDictionary<string, ServerKey>> Find(string server, params string[] keyIds) =>
        Keys.FindAsync(server, keyIds, Now, KeyUse.Request, Stop).AsTask();

    private Task<IReadOnlyDictionary<string, ServerKey>> FindFor(KeyUse use, long validAt, params string[] keyIds) =>
        Keys.FindAsync(Them, keyIds, validAt, use, Stop).AsTask();

    private async Task RestartAsync()
    {
        _fetcher?.Dispose();
        _keys = null;
        await ReopenAsync();
    }
}
