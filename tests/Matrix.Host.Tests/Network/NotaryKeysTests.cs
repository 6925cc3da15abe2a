using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Keys;
using Matrix.Host.Tests.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Network;

/// <summary>Keys that notaries return, and keys that this server returns as a notary. On both databases.</summary>
internal sealed class NotaryKeysTests(string kind) : StorageTests(kind)
{
    private const string Us = "us.example";
    private const string Them = "them.example";
    private const string First = "first-notary.example";
    private const string Second = "second-notary.example";
    private const string One = "ed25519:1";
    private const string Two = "ed25519:2";
    private const string OfNotary = "ed25519:n";
    private const long Day = 24L * 60 * 60 * 1000;

    private static readonly IPAddress _stranger = IPAddress.Parse("192.0.2.7");

    private readonly Ed25519Key _first = Ed25519Key.Generate();
    private readonly Ed25519Key _second = Ed25519Key.Generate();
    private readonly Ed25519Key _notary = Ed25519Key.Generate();
    private readonly SigningKey _own = SigningKeyFile.Generate();
    private KeyServers _servers = null!;
    private NetworkOptions _options = null!;
    private KeyFetcher? _fetcher;
    private ServerKeys? _keys;
    private Notary? _served;

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    private OwnKeys Own => new(SigningKeyRing.Of(_own), _options, Time);

    private ServerKeys Keys => _keys ??= new ServerKeys(
        Store.ServerKeys,
        Store.Writer,
        _fetcher = new KeyFetcher(
            new FederationOperations(_servers, _options), _options, Time, NullLogger<KeyFetcher>.Instance),
        Own,
        new ServerFilter([], ["denied.example"]),
        _options,
        Time);

    private Notary Served => _served ??= new Notary(Keys, Own, _options, Time);

    [SetUp]
    public void Prepare()
    {
        _servers = new KeyServers();
        _options = new NetworkOptions
        {
            ServerName = Us,
            Notaries = [First, Second],
            NotaryGatherTime = TimeSpan.Zero,
        };
        foreach (var notary in _options.Notaries)
        {
            _servers.Answers(notary, new KeyResponseMaker(notary, Now + Day).With(OfNotary, _notary).Make());
        }

        _keys = null;
        _served = null;
    }

    [TearDown]
    public void Close()
    {
        _fetcher?.Dispose();
        _served?.Dispose();
    }

    [Test]
    public async Task The_keys_of_a_server_that_does_not_answer_come_from_a_notary()
    {
        _servers.Notarizes(First, Signed(First, Response().With(One, _first).Make()));

        var found = await Find(One);

        Assert.That(found[One].PublicKey.ToArray(), Is.EqualTo(_first.PublicKey.ToArray()));
        Assert.That(await Find(One), Has.Count.EqualTo(1));
        Assert.That(_servers.Queries, Is.EqualTo(1), "asked once");
    }

    [Test]
    public async Task A_notary_is_not_asked_while_the_server_answers()
    {
        _servers.Answers(Them, Response().With(One, _first).Make());
        _servers.Notarizes(First, Signed(First, Response().With(Two, _second).Make()));

        Assert.That(await Find(One), Has.Count.EqualTo(1));
        Assert.That(await Find(Two), Is.Empty, "requests are signed by what the server publishes");
        Assert.That(_servers.Queries, Is.Zero);
    }

    [Test]
    public async Task A_key_that_the_server_left_out_verifies_nothing_new_whatever_a_notary_has()
    {
        _servers.Notarizes(First, Signed(First, Response().With(Two, _second).Make()));
        Time.Advance(TimeSpan.FromMinutes(1));
        _servers.Answers(Them, Response().With(One, _first).Make());

        Assert.That(await FindFor(KeyUse.Event, Now, Two), Is.Empty);
        Assert.That(await Find(Two), Is.Empty, "it signs no requests");
        Assert.That((await FindFor(KeyUse.Event, Now - 60_000, Two)).Keys, Is.EqualTo(new[] { Two }));
    }

    [Test]
    public async Task Without_notaries_nobody_is_asked()
    {
        _options = _options with { Notaries = [] };
        _servers.Notarizes(First, Signed(First, Response().With(One, _first).Make()));

        Assert.That(await Find(One), Is.Empty);
        Assert.That(_servers.Queries, Is.Zero);
    }

    [Test]
    public async Task The_key_of_an_old_event_that_its_server_forgot_comes_from_a_notary()
    {
        var then = Now;
        var old = Signed(First, new KeyResponseMaker(Them, Now + 1000).With(One, _first).Make());
        Time.Advance(TimeSpan.FromDays(400));
        Publish(First);
        _servers.Answers(Them, Response().With(Two, _second).Make());
        _servers.Notarizes(First, old);

        Assert.That((await FindFor(KeyUse.Event, then, One)).Keys, Is.EqualTo(new[] { One }));
        Assert.That(await FindFor(KeyUse.Event, then + 1001, One), Is.Empty, "its validity was over");
        Assert.That(await Find(One), Is.Empty, "it signs no requests");
        Assert.That((await Find(Two)).Keys, Is.EqualTo(new[] { Two }));
    }

    [Test]
    public async Task A_response_counts_if_the_notary_and_the_server_signed_it([Range(0, 5)] int wrong)
    {
        var whole = Response().With(One, _first).Make();
        _servers.Notarizes(First, wrong switch
        {
            0 => whole,
            1 => Signed(First, whole, _second),
            2 => Signed(Second, whole),
            3 => Signed(First, Response().WithUnsigned(One, _first).SignedBy(One, _second).Make()),
            4 => Signed(First, Response().WithUnsigned(One, _first).Make()),
            _ => Signed(First, new KeyResponseMaker("other.example", Now + Day).With(One, _first).Make()),
        });

        Assert.That(await Find(One), Is.Empty);
        Assert.That(_servers.Queries, Is.EqualTo(2), "the other notary is asked");
    }

    [Test]
    public async Task The_next_notary_is_asked_if_one_has_nothing()
    {
        _servers.Notarizes(First);
        _servers.Notarizes(Second, Signed(Second, Response().With(One, _first).Make()));

        Assert.That(await Find(One), Has.Count.EqualTo(1));
        Assert.That(_servers.Queries, Is.EqualTo(2));
    }

    [Test]
    public async Task A_notary_that_does_not_answer_is_left_alone_for_a_while()
    {
        _servers.Notarizes(Second);

        for (var n = 0; n < 5; n++) await Keys.FindAsync($"a{n}.example", [One], Now, KeyUse.Event, Stop);
        Assert.That(_servers.Queries, Is.EqualTo(6), "the dead one once, the other five times");

        Time.Advance(_options.KeyFetchPause);
        await Keys.FindAsync("b.example", [One], Now, KeyUse.Event, Stop);
        Assert.That(_servers.Queries, Is.EqualTo(8));
    }

    [Test]
    public async Task What_no_notary_knows_is_not_asked_for_again_at_once()
    {
        _servers.Notarizes(First);
        _servers.Notarizes(Second);

        for (var n = 0; n < 5; n++) Assert.That(await Find(One), Is.Empty);
        Assert.That(_servers.Queries, Is.EqualTo(2));
    }

    [Test]
    public async Task The_pause_after_a_query_is_of_the_key()
    {
        _servers.Notarizes(First, Signed(First, Response().With(One, _first).Make()));
        Assert.That(await FindFor(KeyUse.Event, Now, One), Has.Count.EqualTo(1));
        Assert.That(await FindFor(KeyUse.Event, Now, Two), Is.Empty);
        _servers.Notarizes(First, Signed(First, Response().With("ed25519:3", _second).Make()));

        Assert.That(await FindFor(KeyUse.Event, Now, "ed25519:3"), Has.Count.EqualTo(1));
        var queries = _servers.Queries;
        Assert.That(await FindFor(KeyUse.Event, Now, Two), Is.Empty);
        Assert.That(_servers.Queries, Is.EqualTo(queries), "nobody had this one");
    }

    [Test]
    public async Task Keys_that_are_wanted_at_once_are_asked_for_together()
    {
        _options = _options with { MaxNotaryQueryServers = 20, NotaryGatherTime = TimeSpan.FromSeconds(1) };
        _servers.Notarizes(First, Answer);

        var found = await FindAllAsync([.. Enumerable.Range(0, 25).Select(n => $"s{n}.example")]);

        Assert.That(found.Select(keys => keys.Count), Has.All.EqualTo(1));
        Assert.That(
            _servers.QueryBodies.Select(body => ServersIn(body).Count()), Is.EquivalentTo(new[] { 20, 5 }));
    }

    [Test]
    public async Task A_slow_server_keeps_a_notary_neither_from_the_others_nor_for_later()
    {
        _options = _options with { NotaryGatherTime = TimeSpan.FromSeconds(1), Notaries = [First] };
        _servers.Notarizes(First, Answer);
        _servers.QueryFailure = (_, body) => ServersIn(body).Contains("slow.example") ? TimedOut : null;

        var found = await FindAllAsync("a.example", "slow.example", "b.example");

        Assert.That(found.Select(keys => keys.Count), Is.EqualTo(new[] { 1, 0, 1 }));
        Assert.That(_servers.Queries, Is.EqualTo(4), "together, and then each alone");
        Assert.That((await FindAllAsync("c.example")).Single(), Has.Count.EqualTo(1));
        Assert.That((await FindAllAsync("slow.example")).Single(), Is.Empty);
        Assert.That(_servers.Queries, Is.EqualTo(5), "only the slow one has a pause");
    }

    [Test]
    public async Task A_notary_that_does_not_answer_for_itself_either_has_a_pause()
    {
        _servers.QueryFailure = (notary, _) => notary == First ? TimedOut : null;
        _servers.Fails(First);
        _servers.Notarizes(Second);

        for (var n = 0; n < 5; n++) await Keys.FindAsync($"a{n}.example", [One], Now, KeyUse.Event, Stop);

        Assert.That(_servers.Queries, Is.EqualTo(6), "the first one once");
    }

    [Test]
    public async Task Invented_keys_of_a_server_cause_few_queries()
    {
        _options = _options with { MaxNotaryQueriesPerServer = 3, Notaries = [First] };
        _servers.Notarizes(First, Answer);

        for (var n = 0; n < 10; n++)
        {
            await Keys.FindAsync(Them, [$"ed25519:x{n}"], Now, KeyUse.Event, "sender.example", Stop);
        }

        Assert.That(_servers.Queries, Is.EqualTo(3));
        await Keys.FindAsync(Them, ["ed25519:z"], Now, KeyUse.Event, "other.example", Stop);
        Assert.That(_servers.Queries, Is.EqualTo(4), "another sender has its own");
        Time.Advance(TimeSpan.FromMinutes(1));
        await Keys.FindAsync(Them, ["ed25519:y"], Now, KeyUse.Event, "sender.example", Stop);
        Assert.That(_servers.Queries, Is.EqualTo(5));
    }

    [Test]
    public async Task Queries_that_strangers_cause_are_bounded()
    {
        _options = _options with { MaxKeyFetchesPerAddress = 3 };
        _servers.Notarizes(First);
        _servers.Notarizes(Second);

        for (var n = 0; n < 10; n++)
        {
            await Keys.FindAsync($"a{n}.example", [One], Now, KeyUse.Request, _stranger, Stop);
        }

        Assert.That(_servers.Queries, Is.EqualTo(2 * 3));
    }

    [Test]
    public async Task An_older_response_of_a_notary_does_not_bring_back_a_key_that_ended()
    {
        var older = Response().With(One, _first).Make();
        Time.Advance(TimeSpan.FromMinutes(1));
        var end = Now;
        Time.Advance(TimeSpan.FromMinutes(1));
        _servers.Answers(Them, Response().With(Two, _second).WithFormer(One, _first, end).Make());
        await Find(Two);
        _servers.Fails(Them);
        _servers.Notarizes(First, Signed(First, older));
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.That(await Find("ed25519:3"), Is.Empty);
        Assert.That(_servers.Queries, Is.EqualTo(2), "the other notary may have the key");
        Assert.That(await Find(One), Is.Empty, "requests");
        Assert.That(await FindFor(KeyUse.Event, end + 1, One), Is.Empty);
        Assert.That((await Find(Two)).Keys, Is.EqualTo(new[] { Two }), "the newer one stays");
    }

    [Test]
    public async Task A_notary_prolongs_a_key_in_use_but_never_replaces_it()
    {
        _servers.Answers(Them, Response().With(One, _first).Make());
        await Find(One);
        _servers.Fails(Them);
        Time.Advance(TimeSpan.FromDays(2));
        Publish(First);
        _servers.Notarizes(First, Signed(First, Response().With(One, _first).Make()));
        Assert.That((await Find(One)).Keys, Is.EqualTo(new[] { One }));

        Time.Advance(TimeSpan.FromDays(2));
        Publish(First);
        _servers.Notarizes(First, Signed(First, Response().With(One, _second).Make()));
        Assert.That(await Find(One), Is.Empty);
    }

    [Test]
    public async Task Keys_from_a_notary_that_verified_events_are_known_after_a_restart()
    {
        _servers.Notarizes(First, Signed(First, Response().With(One, _first).Make()));
        await FindFor(KeyUse.Event, Now, One);

        await RestartAsync();
        _servers.Notarizes(First);

        Assert.That((await FindFor(KeyUse.Event, Now, One)).Keys, Is.EqualTo(new[] { One }));
        Assert.That((await QueryAsync(Them)).Single().Text("server_name"), Is.EqualTo(Them));
    }

    [Test]
    public async Task As_a_notary_this_server_signs_what_the_server_signed()
    {
        _servers.Answers(Them, Response().With(One, _first).WithFormer(Two, _second, 5).Make());

        var served = (await QueryAsync(Them)).Single();

        Assert.That(KeyResponse.TryRead(served, Them, 9, out var keys, out _), Is.True);
        Assert.That(keys.Signatures.All(s => Ed25519.Verify(s.PublicKey, keys.BytesToVerify, s.Signature)), Is.True);
        Assert.That(keys.OldVerifyKeys.Single().KeyId, Is.EqualTo(Two));
        Assert.That(IsSignedByUs(served), Is.True);
        Assert.That(IsSignedByUs((await QueryAsync(Us)).Single()), Is.True, "its own keys, too");
    }

    [Test]
    public async Task A_response_is_served_for_half_of_its_lifetime_and_longer_if_the_server_is_dead()
    {
        _servers.Answers(Them, Response().With(One, _first).Make());
        await QueryAsync(Them);
        Time.Advance(TimeSpan.FromHours(11));
        await QueryAsync(Them);
        Assert.That(_servers.Requests, Is.EqualTo(1));

        Time.Advance(TimeSpan.FromHours(2));
        await QueryAsync(Them);
        Assert.That(_servers.Requests, Is.EqualTo(2));

        _servers.Fails(Them);
        Time.Advance(TimeSpan.FromDays(30));
        Assert.That(await QueryAsync(Them), Has.Count.EqualTo(1));
        Assert.That(await QueryAsync(Them), Has.Count.EqualTo(1));
        Assert.That(_servers.Requests, Is.EqualTo(3), "a dead server is left alone for a while");
    }

    [Test]
    public async Task Keys_that_must_be_valid_for_longer_or_are_not_known_are_fetched_again()
    {
        _servers.Answers(Them, Response().With(One, _first).Make());
        await QueryAsync(Them);
        Time.Advance(TimeSpan.FromMinutes(5));
        await QueryAsync(Them, minimum: Now + (Day / 2));
        await QueryAsync(Them, keyId: One);
        Assert.That(_servers.Requests, Is.EqualTo(1));

        await QueryAsync(Them, minimum: Now + Day);
        Assert.That(_servers.Requests, Is.EqualTo(2));
        Time.Advance(TimeSpan.FromMinutes(5));
        Assert.That(await QueryAsync(Them, keyId: Two), Has.Count.EqualTo(1));
        Assert.That(_servers.Requests, Is.EqualTo(3));
    }

    [Test]
    public async Task Earlier_responses_are_served_for_the_keys_that_the_latest_one_lacks()
    {
        var then = Now;
        await RotateAsync(3);

        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { "ed25519:r3", "ed25519:r2", "ed25519:r1" }));
        var old = await QueryAsync(Them, keyId: "ed25519:r1");
        Assert.That(KeysOf(old), Is.EqualTo(new[] { "ed25519:r3", "ed25519:r1" }));
        Assert.That(old.Select(IsSignedByUs), Is.All.True);
        Assert.That(old[1].Number("valid_until_ts"), Is.EqualTo(then + Day));
        var requests = _servers.Requests;
        Assert.That(KeysOf(await QueryAsync(Them, keyId: "ed25519:r3")), Is.EqualTo(new[] { "ed25519:r3" }));
        Assert.That(_servers.Requests, Is.EqualTo(requests), "what is kept is enough");
    }

    [Test]
    public async Task Earlier_responses_are_served_after_a_restart_though_the_server_is_gone()
    {
        await RotateAsync(2);
        await FindFor(KeyUse.Event, Now, "ed25519:r2");

        await RestartAsync();
        _servers.Fails(Them);
        Time.Advance(TimeSpan.FromDays(400));

        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { "ed25519:r2", "ed25519:r1" }));
    }

    [Test]
    public async Task An_earlier_response_without_a_key_of_its_own_is_not_kept()
    {
        _servers.Answers(Them, Response().With(One, _first).Make());
        await QueryAsync(Them);
        Time.Advance(TimeSpan.FromHours(20));
        _servers.Answers(Them, Response().With(Two, _second).WithFormer(One, _first, Now).Make());

        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { Two }));
    }

    [Test]
    public async Task Earlier_responses_are_bounded_and_the_last_are_kept()
    {
        _options = _options with { MaxEarlierKeyResponses = 2 };
        await RotateAsync(5);

        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { "ed25519:r5", "ed25519:r4", "ed25519:r3" }));
    }

    [Test]
    public async Task What_a_notary_had_is_served_after_what_the_server_returned_and_displaces_none_of_it()
    {
        _options = _options with { MaxEarlierKeyResponses = 1, Notaries = [First] };
        var old = new KeyResponseMaker(Them, Now + 1000).With(One, _first).Make();
        var older = new KeyResponseMaker(Them, Now + 1000).With(Two, _second).Make();
        _servers.Answers(Them, Response().With("ed25519:r0", _second).Make());
        _servers.Notarizes(First, Signed(First, old), Signed(First, older));
        Time.Advance(TimeSpan.FromSeconds(20));
        Publish(First);

        await FindFor(KeyUse.Event, Now - 20_000, One, Two);
        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { "ed25519:r0", One }));

        Time.Advance(TimeSpan.FromHours(1));
        await RotateAsync(1);
        Assert.That(KeysOf(await QueryAsync(Them)), Is.EqualTo(new[] { "ed25519:r1", "ed25519:r0" }));
    }

    [Test]
    public async Task Every_servers_latest_response_comes_before_an_earlier_one()
    {
        await RotateAsync(3);
        var other = new KeyResponseMaker("other.example", Now + Day).With(One, _first).Make();
        _servers.Answers("other.example", other);

        var served = await Served.QueryAsync(
            [new NotaryQuery(Them, [], null), new NotaryQuery("other.example", [], null)], _stranger, Stop);

        Assert.That(
            KeysOf([.. served.Select(Parsed)]),
            Is.EqualTo(new[] { "ed25519:r3", One, "ed25519:r2", "ed25519:r1" }));
    }

    [Test]
    public async Task A_key_of_an_earlier_response_verifies_old_events_of_a_server_that_asks_a_notary()
    {
        var then = Now;
        await RotateAsync(3);
        var served = await QueryAsync(Them, keyId: "ed25519:r1");
        _servers.Fails(Them);
        _servers.Notarizes(First, [.. served.Select(response => Signed(First, response))]);
        _keys = null;
        Publish(First);

        Assert.That((await FindFor(KeyUse.Event, then, "ed25519:r1")).Keys, Is.EqualTo(new[] { "ed25519:r1" }));
    }

    [Test]
    public async Task Of_a_server_without_keys_nothing_is_served_and_it_is_not_asked_again_at_once()
    {
        Assert.That(await QueryAsync(Them), Is.Empty);
        Assert.That(await QueryAsync(Them), Is.Empty);
        Assert.That(await QueryAsync("denied.example"), Is.Empty);
        Assert.That(await QueryAsync("not a name"), Is.Empty);
        Assert.That((_servers.Requests, _servers.Queries), Is.EqualTo((1, 0)), "a notary asks no other");
    }

    [Test]
    public async Task Fetches_that_queries_cause_are_bounded_and_leave_others_alone()
    {
        _options = _options with { MaxNotaryFetchesPerAddress = 3, MaxNotaryFetchesPerMinute = 5, Notaries = [] };

        async Task<int> Cause(string address, string prefix)
        {
            var before = _servers.Requests;
            var queries = Enumerable.Range(0, 10)
                .Select(n => new NotaryQuery($"{prefix}{n}.example", [], null)).ToList();
            await Served.QueryAsync(queries, IPAddress.Parse(address), Stop);
            return _servers.Requests - before;
        }

        Assert.That(await Cause("192.0.2.7", "a"), Is.EqualTo(3));
        Assert.That(await Cause("192.0.2.8", "b"), Is.EqualTo(2));
        await Keys.FindAsync("c.example", [One], Now, KeyUse.Request, _stranger, Stop);
        Assert.That(_servers.Requests, Is.EqualTo(6), "requests have a bound of their own");
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(await Cause("192.0.2.8", "d"), Is.EqualTo(3));
    }

    [Test]
    public async Task A_query_has_a_bound_of_servers_bytes_and_time()
    {
        string[] names = [.. Enumerable.Range(0, 6).Select(n => $"s{n}.example")];
        foreach (var name in names)
        {
            _servers.Answers(name, new KeyResponseMaker(name, Now + Day).With(One, _first).Make());
        }

        _options = _options with { MaxNotaryServers = 4, MaxNotaryResponseBytes = 1500 };
        List<NotaryQuery> queries = [.. names.Select(name => new NotaryQuery(name, [], null))];

        var served = await Served.QueryAsync(queries, _stranger, Stop);

        Assert.That(_servers.Requests, Is.EqualTo(4));
        Assert.That(served, Has.Count.EqualTo(1500 / served[0].Length));

        _servers.Gate = new TaskCompletionSource().Task;
        var waiting = Served.QueryAsync([new NotaryQuery(Them, [], null)], _stranger, Stop).AsTask();
        Assert.That(() => _servers.Requests, Is.EqualTo(5).After(5000, 10));
        Time.Advance(_options.NotaryTime);
        Assert.That(await waiting, Is.Empty);
    }

    [Test]
    public async Task A_fetch_of_a_query_that_is_given_up_keeps_its_place()
    {
        _options = _options with { MaxNotaryFetches = 1, Notaries = [] };
        _servers.Answers("other.example", new KeyResponseMaker("other.example", Now + Day).With(One, _first).Make());
        var gate = new TaskCompletionSource();
        _servers.Gate = gate.Task;
        var given = QueryAsync(Them);
        Assert.That(() => _servers.Requests, Is.EqualTo(1).After(5000, 10));
        Time.Advance(_options.NotaryTime);
        Assert.That(await given, Is.Empty);

        var second = QueryAsync("other.example");
        await Task.Delay(200);
        Assert.That(_servers.Requests, Is.EqualTo(1));
        gate.SetResult();
        Assert.That(await second, Has.Count.EqualTo(1));
    }

    private static FederationFailure TimedOut { get; } = new(FederationFailureKind.TimedOut, 0, "", "slow");

    private static IEnumerable<string> ServersIn(JsonObject query)
    {
        var servers = query.Child("server_keys")!;
        return Enumerable.Range(0, servers.Count).Select(servers.Key);
    }

    /// <summary>What a notary has that knows a key of every server.</summary>
    private JsonObject[] Answer(JsonObject query) =>
    [
        .. ServersIn(query).Select(
            server => Signed(First, new KeyResponseMaker(server, Now + Day).With(One, _first).Make())),
    ];

    /// <summary>Finds a key of several servers, which are gathered for a second.</summary>
    private async Task<IReadOnlyDictionary<string, ServerKey>[]> FindAllAsync(params string[] servers)
    {
        var before = Keys;
        var finds = Task.WhenAll(servers.Select(
            server => before.FindAsync(server, [One], Now, KeyUse.Event, Stop).AsTask()));
        while (!finds.IsCompleted && _fetcher!.Notaries.Waiting < servers.Length) await Task.Delay(5);
        Time.Advance(TimeSpan.FromSeconds(1));
        return await finds;
    }

    private KeyResponseMaker Response() => new(Them, Now + Day);

    /// <summary>The server changes its key so often, and forgets the former one; each response is fetched.</summary>
    private async Task RotateAsync(int times)
    {
        for (var n = 1; n <= times; n++)
        {
            _servers.Answers(Them, Response().With($"ed25519:r{n}", n % 2 == 0 ? _first : _second).Make());
            await QueryAsync(Them, keyId: $"ed25519:r{n}");
            if (n < times) Time.Advance(TimeSpan.FromHours(1));
        }
    }

    private static IEnumerable<string> KeysOf(IReadOnlyList<JsonObject> responses) =>
        responses.Select(response => response.Child("verify_keys")!.Key(0));

    private void Publish(string notary) =>
        _servers.Answers(notary, new KeyResponseMaker(notary, Now + Day).With(OfNotary, _notary).Make());

    private JsonObject Signed(string notary, JsonObject response, Ed25519Key? key = null) => KeyResponse.WithSignature(
        response, notary, OfNotary, (key ?? _notary).Sign(KeyResponse.BytesToSign(response)));

    private bool IsSignedByUs(JsonObject response) =>
        response.Child("signatures")?.Child(Us)?.Text(_own.Id) is { } text
        && Base64Text.TryDecode(text, out var signature)
        && Ed25519.Verify(_own.Key.PublicKey, KeyResponse.BytesToSign(response), signature);

    private async Task<IReadOnlyList<JsonObject>> QueryAsync(string server, string? keyId = null, long? minimum = null)
    {
        var query = new NotaryQuery(server, keyId is null ? [] : [keyId], minimum);
        var responses = await Served.QueryAsync([query], _stranger, Stop);
        return [.. responses.Select(Parsed)];
    }

    private static JsonObject Parsed(ReadOnlyMemory<byte> response) =>
        JsonText.TryParseStored(response.Span, out var json) ? json : JsonObject.Empty;

    private Task<IReadOnlyDictionary<string, ServerKey>> Find(params string[] keyIds) =>
        Keys.FindAsync(Them, keyIds, Now, KeyUse.Request, Stop).AsTask();

    private Task<IReadOnlyDictionary<string, ServerKey>> FindFor(KeyUse use, long validAt, params string[] keyIds) =>
        Keys.FindAsync(Them, keyIds, validAt, use, Stop).AsTask();

    private async Task RestartAsync()
    {
        _fetcher?.Dispose();
        _keys = null;
        _served = null;
        await ReopenAsync();
    }
}
