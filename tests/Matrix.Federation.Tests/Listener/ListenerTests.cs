using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Matrix.Core.Federation;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Microsoft.Extensions.DependencyInjection;
using Peer = Matrix.TestWorld.Peers.Peer;

namespace Matrix.Federation.Tests.Listener;

/// <summary>Where federation is served, and its limits.</summary>
public sealed class ListenerTests
{
    private const string Version = "/_matrix/federation/v1/version";

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    [OneTimeTearDown]
    public void TearDown() => _http.Dispose();

    [Test]
    public async Task Clients_are_not_served_federation_and_servers_not_the_client_api()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync();

        (await GetAsync(new Uri(server.ClientAddress, Version))).Is(404, "M_UNRECOGNIZED");
        (await GetAsync(new Uri(server.ClientAddress, "/_matrix/key/v2/server"))).Is(404, "M_UNRECOGNIZED");
        var client = (await GetAsync(new Uri(server.ClientAddress, "/_matrix/client/versions"))).Is(200);
        Assert.That(client.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "*" }));
    }

    [Test]
    public async Task The_client_listener_serves_federation_too_if_it_is_set()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("listeners.federation_on_client", "true"));

        var version = (await GetAsync(new Uri(server.ClientAddress, Version))).Is(200);
        (await GetAsync(new Uri(server.ClientAddress, "/_matrix/key/v2/server"))).Is(200);
        (await GetAsync(new Uri(server.ClientAddress, "/_matrix/federation/v1/query/profile")))
            .Is(401, "M_UNAUTHORIZED");
        (await GetAsync(new Uri(server.ClientAddress, "/_matrix/client/versions"))).Is(200);
        Assert.That(version.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
        (await server.SendAsync(Peer.Request(server, "GET", "/_matrix/client/versions"))).Is(404, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task Behind_a_proxy_the_listener_needs_no_certificate()
    {
        await using var server = await TestServer.StartWithoutTlsAsync(Loopback.Next(), null);

        Assert.That(server.FederationAddress.Scheme, Is.EqualTo("http"));
        (await GetAsync(new Uri(server.FederationAddress, Version))).Is(200);
    }

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", 400, "M_UNRECOGNIZED")]
    [TestCase("GET /_matrix/federation/v1/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "M_INVALID_PARAM")]
    [TestCase("good morning\r\n\r\n", 400, "M_UNRECOGNIZED")]
    public async Task An_unreadable_request_gets_the_standard_error_without_browser_headers(
        string request, int status, string errcode)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync();

        var reply = (await RawConnection.RequestAsync(server.FederationAddress, request)).Is(status, errcode);

        Assert.That(reply.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
    }

    [Test]
    public async Task A_full_transaction_fits_and_a_larger_body_is_refused()
    {
        await using var server = await StartWithEchoAsync();
        var peer = new Peer("peer.example");
        server.Knows(peer);

        // 50 PDUs of 64 KiB, and 100 EDUs, of which to-device messages are the largest.
        var body = new JsonObject
        {
            ["pdus"] = Several(50, 65_000),
            ["edus"] = Several(100, 65_000),
        };
        var reply = (await peer.SendAsync(server, "PUT", "/_matrix/federation/v1/echo/1", body)).Is(200);
        Assert.That((string?)reply.Json["peer"], Is.EqualTo("peer.example"));

        body["edus"] = Several(100, 200_000);
        (await peer.SendAsync(server, "PUT", "/_matrix/federation/v1/echo/1", body)).Is(413, "M_TOO_LARGE");
    }

    [Test]
    public async Task A_large_body_that_is_refused_gets_its_response()
    {
        await using var server = await StartWithEchoAsync(
            ("limits.transaction_body", "32MiB"), ("limits.federation_bodies", "16MiB"));
        var peer = new Peer("peer.example");
        server.Knows(peer);
        var body = new JsonObject { ["pdus"] = Several(50, 400_000) };

        (await server.SendAsync(Peer.Request(server, "PUT", "/_matrix/federation/v1/echo/1", body.ToJsonString())))
            .Is(401, "M_UNAUTHORIZED");
        (await peer.SendAsync(server, "PUT", "/_matrix/federation/v1/echo/1", body)).Is(429, "M_LIMIT_EXCEEDED");

        body["pdus"] = Several(50, 65_000);
        (await peer.SendAsync(server, "PUT", "/_matrix/federation/v1/echo/1", body)).Is(200);
    }

    [Test]
    public async Task The_body_may_be_as_deep_as_a_transaction_of_deep_events()
    {
        await using var server = await StartWithEchoAsync();
        var peer = new Peer("peer.example");
        server.Knows(peer);
        JsonNode deep = new JsonObject();
        for (var i = 0; i < 125; i++) deep = new JsonObject { ["a"] = deep };

        var target = "/_matrix/federation/v1/echo/1";
        var text = deep.ToJsonString(new System.Text.Json.JsonSerializerOptions { MaxDepth = 200 });
        var reply = await server.SendAsync(Peer.Request(server, "PUT", target, text).With(peer.Authorization(
            server.Name, "PUT", target, new JsonObject())));

        // The signature is of another body: this one was read.
        reply.Is(401, "M_UNAUTHORIZED");
    }

    [Test]
    public async Task Servers_that_the_configuration_excludes_are_forbidden()
    {
        await using var server = await TestServer.StartWithoutTlsAsync(
            Loopback.Next(), services => services.AddSingleton(new ServerFilter(["*.example"], ["bad.example"])));
        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{server.Name}";
        var expected = new Dictionary<string, (int, string)>
        {
            ["good.example"] = (404, "M_NOT_FOUND"),
            ["bad.example"] = (403, "M_FORBIDDEN"),
            ["good.elsewhere"] = (403, "M_FORBIDDEN"),
        };

        foreach (var (name, answer) in expected)
        {
            var peer = new Peer(name);
            server.Knows(peer);
            var reply = await peer.SendAsync(server, "GET", target);
            Assert.That((reply.Status, reply.Errcode), Is.EqualTo(answer), name);
        }
    }

    [Test]
    public async Task An_address_has_a_rate_before_its_signature_is_checked()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.federation_address_burst", "3"),
            ("rate_limits.federation_address_per_second", "0.01"));

        for (var i = 0; i < 3; i++)
        {
            (await server.SendAsync(Peer.Request(server, "GET", "/_matrix/federation/v1/query/profile")))
                .Is(401, "M_UNAUTHORIZED");
        }

        var limited = (await server.SendAsync(Peer.Request(server, "GET", Version))).Is(429, "M_LIMIT_EXCEEDED");
        Assert.That((long?)limited.Json["retry_after_ms"], Is.InRange(50_000, 100_000));
    }

    [Test]
    public async Task Requests_without_a_signature_have_the_rate_of_their_kind_by_address()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.bound_invites_burst", "2"),
            ("rate_limits.bound_invites_per_second", "0.01"));
        const string Target = "/_matrix/federation/v1/3pid/onbind";

        for (var i = 0; i < 2; i++)
        {
            (await server.SendAsync(Peer.Request(server, "PUT", Target, "{}"))).Is(400, "M_BAD_JSON");
        }

        (await server.SendAsync(Peer.Request(server, "PUT", Target, "{}"))).Is(429, "M_LIMIT_EXCEEDED");
        (await server.SendAsync(Peer.Request(server, "GET", Version))).Is(200);
    }

    [Test]
    public async Task A_server_has_a_rate_and_nobody_else_can_use_it_up()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.federation_server_burst", "2"),
            ("rate_limits.federation_server_per_second", "0.01"));
        var (busy, other) = (new Peer("busy.example"), new Peer("other.example"));
        server.Knows(busy).Knows(other);
        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{server.Name}";

        // Requests that only claim to be of the server do not count.
        for (var i = 0; i < 5; i++)
        {
            var forged = Peer.Request(server, "GET", target).With(
                busy.Authorization(server.Name, "GET", target, null, busy.Unpublished));
            (await server.SendAsync(forged)).Is(401, "M_UNAUTHORIZED");
        }

        for (var i = 0; i < 2; i++) (await busy.SendAsync(server, "GET", target)).Is(404, "M_NOT_FOUND");
        (await busy.SendAsync(server, "GET", target)).Is(429, "M_LIMIT_EXCEEDED");
        (await other.SendAsync(server, "GET", target)).Is(404, "M_NOT_FOUND");
    }

    [TestCase("PUT", "send_knock/!none:third.example/$e:third.example")]
    [TestCase("PUT", "send_join/!none:third.example/$e:third.example")]
    public async Task The_memberships_of_a_server_have_a_rate_of_their_own(string method, string path)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.membership_burst", "1"),
            ("rate_limits.membership_per_second", "0.01"),
            ("rate_limits.server_membership_burst", "3"),
            ("rate_limits.server_membership_per_second", "0.01"));
        var peer = new Peer("peer.example");
        server.Knows(peer);
        var target = "/_matrix/federation/v1/" + path;

        for (var i = 0; i < 3; i++)
        {
            (await peer.SendAsync(server, method, target, new JsonObject())).Is(404, "M_NOT_FOUND");
        }
        (await peer.SendAsync(server, method, target, new JsonObject())).Is(429, "M_LIMIT_EXCEEDED");
        (await peer.SendAsync(server, "GET", "/_matrix/federation/v1/event/$e:third.example")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Connections_beyond_the_bound_are_closed_and_clients_do_not_notice()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("limits.federation_connections", "10"));
        var open = new List<TcpClient>();
        var ended = new List<Task<bool>>();
        try
        {
            // Any of the eleven may be the one that comes last. It may end while it connects.
            for (var i = 0; i < 11; i++)
            {
                try
                {
                    open.Add(await ConnectAsync(server.FederationAddress));
                }
                catch (SocketException fault) when (fault.SocketErrorCode == SocketError.ConnectionReset)
                {
                    ended.Add(Task.FromResult(true));
                }
            }

            ended.AddRange(open.Select(EndsAsync));
            Assert.That(await await Task.WhenAny(ended), Is.True);
            await Task.Delay(200);
            Assert.That(ended.Count(end => end.IsCompleted), Is.EqualTo(1));
            (await GetAsync(new Uri(server.ClientAddress, "/_matrix/client/versions"))).Is(200);
        }
        finally
        {
            open.ForEach(connection => connection.Dispose());
        }

        // A connection that ended makes space for another.
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (true)
        {
            try
            {
                (await server.SendAsync(Peer.Request(server, "GET", Version))).Is(200);
                return;
            }
            catch (HttpRequestException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(50);
            }
        }
    }

    [Test]
    public void Bodies_share_a_bound_and_what_is_only_announced_costs_nothing()
    {
        var budget = new ByteBudget(100, 100);
        var (first, second) = (budget.Open("192.0.2.1"), budget.Open("192.0.2.2"));

        Assert.That((first.TryGrowTo(60), second.TryGrowTo(40), second.TryGrowTo(41)), Is.EqualTo((true, true, false)));
        first.Dispose();
        Assert.That((budget.Held, second.TryGrowTo(100)), Is.EqualTo((40L, true)));
        second.Dispose();
        second.Dispose();
        Assert.That(budget.Held, Is.Zero);
    }

    [Test]
    public void One_address_fills_a_part_of_the_memory_for_bodies()
    {
        var budget = new ByteBudget(100, 60);
        var (first, same, other) = (budget.Open("192.0.2.1"), budget.Open("192.0.2.1"), budget.Open("192.0.2.2"));

        Assert.That((first.TryGrowTo(40), same.TryGrowTo(21), same.TryGrowTo(20)), Is.EqualTo((true, false, true)));
        Assert.That((other.TryGrowTo(41), other.TryGrowTo(40)), Is.EqualTo((false, true)));
        first.Dispose();
        Assert.That(same.TryGrowTo(60), Is.True);
    }

    [TestCase("192.0.2.1", "192.0.2.1")]
    [TestCase("::ffff:192.0.2.1", "192.0.2.1")]
    [TestCase("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    [TestCase("2001:db8:1:2:ffff::", "2001:db8:1:2::")]
    [TestCase("unknown", "unknown")]
    public void Addresses_of_one_network_count_as_one(string address, string block) =>
        Assert.That(AddressBlock.Of(address), Is.EqualTo(block));

    private static async Task<TcpClient> ConnectAsync(Uri server)
    {
        var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Parse(server.Host), server.Port);
        return tcp;
    }

    private static async Task<bool> EndsAsync(TcpClient connection)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            return await connection.GetStream().ReadAsync(new byte[1], patience.Token) == 0;
        }
        catch (IOException)
        {
            return true;
        }
        catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static JsonArray Several(int count, int bytes) =>
        [.. Enumerable.Range(0, count).Select(i => new JsonObject { ["n"] = i, ["body"] = new string('x', bytes) })];

    private static Task<TestServer> StartWithEchoAsync(params (string Key, string Value)[] settings) =>
        TestServer.StartWithoutTlsAsync(
            Loopback.Next(), services => services.AddSingleton<IFederationEndpoints, Echo>(), settings);

    private async Task<Reply> GetAsync(Uri address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        return await Reply.SendAsync(_http, request);
    }

    private sealed class Echo : IFederationEndpoints
    {
        public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Origin).Put(
            "echo/{txnId}",
            static body => body.RequiredItems("pdus").Length,
            static (call, count, _) => ValueTask.FromResult(
                Answer.Json((call, count), static (json, it) => json.WriteString("peer", it.call.Peer.ServerName))),
            RouteOptions.ForServers with { Body = BodyLimit.Transaction });
    }
}
