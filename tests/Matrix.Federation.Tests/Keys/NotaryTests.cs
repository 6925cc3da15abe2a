using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Keys;

/// <summary>Keys of servers that are gone, from a server that saw them. On both databases.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class NotaryTests(string databaseKind) : DatabaseTests(databaseKind)
{
    [Test]
    public async Task The_keys_of_a_dead_server_are_served_with_both_signatures_also_after_a_restart()
    {
        await using var notary = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        var peer = await PeerServer.StartAsync();
        var alice = await notary.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await peer.Peer.JoinsAsync(notary, roomId, "bob");
        await peer.DisposeAsync();

        AssertSigned(notary, peer.Peer, await GetAsync(notary, peer.Peer.Name));
        await notary.StopAsync();
        await notary.StartAgainAsync();

        AssertSigned(notary, peer.Peer, await GetAsync(notary, peer.Peer.Name));
        var later = DateTimeOffset.UtcNow.AddDays(3).ToUnixTimeMilliseconds();
        AssertSigned(
            notary, peer.Peer, await GetAsync(notary, peer.Peer.Name + $"?minimum_valid_until_ts={later}"));
    }

    [Test]
    public async Task Old_events_count_for_a_new_server_though_their_key_was_forgotten_and_their_server_is_gone()
    {
        await using var resident = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(), ("federation.key_fetch_pause", "100ms"));
        var peer = await PeerServer.StartAsync();
        var alice = await resident.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var room = await peer.Peer.JoinsAsync(resident, roomId, "bob");
        var former = peer.Peer.Current;
        peer.Peer.ChangesKeyAndForgetsTheFormer();
        await Task.Delay(200);
        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{resident.Name}";
        (await peer.Peer.SendAsync(resident, "GET", target)).Is(404, "M_NOT_FOUND");
        await peer.DisposeAsync();

        var served = (await GetAsync(resident, peer.Peer.Name))["server_keys"]!.AsArray();
        Assert.That(
            served.Select(each => each!["verify_keys"]!.AsObject().Single().Key),
            Is.EqualTo(new[] { peer.Peer.Current.Key.Id, former.Key.Id }));

        await resident.StopAsync();
        await resident.StartAgainAsync();
        await using var joining = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(), ("federation.notaries", resident.Name));
        var carol = await joining.RegistersAsync("carol");
        await carol.JoinsAsync(roomId, resident.Name);
        var members = (await carol.GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/joined_members"))
            .Is(200).Json["joined"]!.AsObject();
        Assert.That(members.ContainsKey(room.User("bob")), Is.True);
    }

    [Test]
    public async Task A_server_that_never_met_the_other_fetches_its_keys_for_a_query()
    {
        await using var notary = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        await using var peer = await PeerServer.StartAsync();

        AssertSigned(notary, peer.Peer, await GetAsync(notary, peer.Peer.Name));
        AssertSigned(notary, peer.Peer, await GetAsync(notary, $"{peer.Peer.Name}/{peer.Peer.Current.Key.Id}"));
        Assert.That(peer.KeyRequests, Is.EqualTo(1));

        var dead = Loopback.Next().ToString();
        var many = (await PostAsync(notary, peer.Peer.Name, dead, notary.Name))["server_keys"]!.AsArray();
        Assert.That(
            many.Select(each => (string?)each!["server_name"]), Is.EquivalentTo(new[] { peer.Peer.Name, notary.Name }));
        Assert.That((await GetAsync(notary, dead))["server_keys"]!.AsArray(), Is.Empty);
        Assert.That((await PostAsync(notary))["server_keys"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task Malformed_queries_get_their_errors()
    {
        await using var notary = await TestServer.StartFederatingAsync(await NewDatabaseAsync());

        foreach (var path in new[] { "query/not%20a%20name", "query/a.example?minimum_valid_until_ts=soon" })
        {
            (await notary.SendAsync(Peer.Request(notary, "GET", "/_matrix/key/v2/" + path)))
                .Is(400, "M_INVALID_PARAM");
        }

        foreach (var body in new[]
        {
            "{}", "{\"server_keys\":[]}", "{\"server_keys\":{\"a\":1}}", "{\"server_keys\":{\"a\":{\"ed25519:1\":2}}}",
        })
        {
            (await notary.SendAsync(Peer.Request(notary, "POST", "/_matrix/key/v2/query", body)))
                .Is(400, "M_BAD_JSON");
        }
    }

    [Test]
    public async Task Fetches_that_queries_cause_are_bounded_and_requests_are_still_verified()
    {
        await using var notary = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(), ("federation.notary_fetches_per_address", "2"));
        var peers = new List<PeerServer>();
        try
        {
            for (var n = 0; n < 4; n++) peers.Add(await PeerServer.StartAsync());

            var served = await PostAsync(notary, [.. peers.Select(each => each.Peer.Name)]);

            Assert.That(served["server_keys"]!.AsArray(), Has.Count.EqualTo(2));
            Assert.That(peers.Sum(each => each.KeyRequests), Is.EqualTo(2));
            foreach (var each in peers)
            {
                var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{notary.Name}";
                (await each.Peer.SendAsync(notary, "GET", target)).Is(404, "M_NOT_FOUND");
            }
        }
        finally
        {
            foreach (var each in peers) await each.DisposeAsync();
        }
    }

    [Test]
    public async Task Events_of_a_dead_server_count_for_a_server_that_asks_a_notary()
    {
        await using var resident = await TestServer.StartFederatingAsync();
        var peer = await PeerServer.StartAsync();
        var alice = await resident.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var room = await peer.Peer.JoinsAsync(resident, roomId, "bob");
        await peer.DisposeAsync();

        Assert.That(await MembersAsync(""), Does.Not.Contain(room.User("bob")), "nobody else has the keys");
        Assert.That(await MembersAsync(resident.Name), Does.Contain(room.User("bob")));

        async Task<IEnumerable<string>> MembersAsync(string notaries)
        {
            await using var joining = await TestServer.StartFederatingAsync(
                await NewDatabaseAsync(), ("federation.notaries", notaries));
            var carol = await joining.RegistersAsync("carol");
            await carol.JoinsAsync(roomId, resident.Name);
            return (await carol.GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/joined_members"))
                .Is(200).Json["joined"]!.AsObject().Select(member => member.Key);
        }
    }

    [Test]
    public async Task A_request_of_a_server_that_is_gone_counts_if_a_notary_has_its_keys()
    {
        await using var notary = await AnsweringPeer.StartAsync();
        await using var server = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(), ("federation.notaries", notary.Peer.Name));
        var gone = new Peer(Loopback.Next().ToString());
        notary.Answers = request =>
        {
            if (request is not { Method: "POST", Path: "/_matrix/key/v2/query" }) return null;
            var served = gone.KeyResponse();
            var signatures = served["signatures"]!.DeepClone().AsObject();
            served.Remove("signatures");
            var notarized = notary.Peer.Sign(served, notary.Peer.Current);
            foreach (var (name, signature) in signatures) notarized["signatures"]![name] = signature!.DeepClone();
            return (200, new JsonObject { ["server_keys"] = new JsonArray(notarized) });
        };

        var reply = await gone.SendAsync(
            server, "GET", $"/_matrix/federation/v1/query/profile?user_id=@nobody:{server.Name}");

        reply.Is(404, "M_NOT_FOUND");
        var asked = notary.Requests.Single(request => request.Method == "POST").Body!["server_keys"]!.AsObject();
        Assert.That(asked.Single().Key, Is.EqualTo(gone.Name));
    }

    private static async Task<JsonObject> GetAsync(TestServer notary, string query) =>
        (await notary.SendAsync(Peer.Request(notary, "GET", "/_matrix/key/v2/query/" + query)))
            .Is(200).Matches("keys_query.yaml", "/query/{serverName}").Json;

    private static async Task<JsonObject> PostAsync(TestServer notary, params string[] names)
    {
        var servers = new JsonObject();
        foreach (var name in names) servers[name] = new JsonObject();
        var body = new JsonObject { ["server_keys"] = servers };
        return (await notary.SendAsync(
            Peer.Request(notary, "POST", "/_matrix/key/v2/query", body.ToJsonString())))
            .Is(200).Matches("keys_query.yaml", "/query", "post").Json;
    }

    private static void AssertSigned(TestServer notary, Peer peer, JsonObject response)
    {
        var served = response["server_keys"]!.AsArray().Single()!.AsObject();
        var own = SigningKeyFile.Read(Path.Combine(notary.Folder, "signing.key")).InUse;
        AssertSignature(served, notary.Name, own);
        AssertSignature(served, peer.Name, peer.Current.Key);
        Assert.That(served["old_verify_keys"]![peer.Old.Key.Id], Is.Not.Null);
    }

    private static void AssertSignature(JsonObject served, string server, SigningKey key)
    {
        var unsigned = served.DeepClone().AsObject();
        unsigned.Remove("signatures");
        var text = (string)served["signatures"]![server]![key.Id]!;
        Assert.That(Base64Text.TryDecode(text, out var signature), Is.True);
        Assert.That(Ed25519.Verify(key.Key.PublicKey, Peer.Canonical(unsigned), signature), Is.True, server);
    }
}

/// <summary>The rate of queries.</summary>
public sealed class NotaryRateTests
{
    [Test]
    public async Task Queries_are_limited_by_the_servers_that_they_name()
    {
        await using var notary = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.notary_servers_per_second", "0.001"),
            ("rate_limits.notary_servers_burst", "5"),
            ("federation.deny_servers", "*.example"));

        (await QueryAsync("a.example", "b.example", "c.example", notary.Name)).Is(200);
        (await QueryAsync("a.example", "b.example")).Is(429, "M_LIMIT_EXCEEDED");
        (await notary.SendAsync(Peer.Request(notary, "GET", "/_matrix/key/v2/query/a.example"))).Is(200);
        (await notary.SendAsync(Peer.Request(notary, "GET", "/_matrix/key/v2/query/a.example")))
            .Is(429, "M_LIMIT_EXCEEDED");
        (await notary.SendAsync(Peer.Request(notary, "GET", "/_matrix/key/v2/server"))).Is(200);

        Task<Reply> QueryAsync(params string[] names)
        {
            var servers = new JsonObject();
            foreach (var name in names) servers[name] = new JsonObject();
            var body = new JsonObject { ["server_keys"] = servers };
            return notary.SendAsync(Peer.Request(notary, "POST", "/_matrix/key/v2/query", body.ToJsonString()));
        }
    }
}
