using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Listener;

/// <summary>What bodies of other servers may cost before and after their signature is verified.</summary>
public sealed class BodyTests
{
    private const string Target = "/_matrix/federation/v1/send/1";

    [Test]
    public async Task No_body_is_read_for_a_server_whose_keys_cannot_be_had()
    {
        await using var server = await StartAsync(("limits.federation_body_rate", "1"));

        (await SendPartAsync(server, new Peer("unknown.example"), part: "")).Is(401, "M_UNAUTHORIZED");
    }

    [Test]
    public async Task A_body_must_arrive_within_a_time_whatever_its_rate()
    {
        await using var server = await StartAsync(
            ("limits.federation_body_rate", "1"), ("limits.federation_body_time", "1s"));
        var peer = new Peer("peer.example");
        server.Knows(peer);

        (await SendPartAsync(server, peer, part: "{" + new string(' ', 500))).Is(408, "M_UNKNOWN");
    }

    [TestCase(10_000, false, 200)]
    [TestCase(10_000, true, 200)]
    [TestCase(150_000, true, 200)]
    [TestCase(150_000, false, 413)]
    [TestCase(400_000, true, 413)]
    public async Task A_body_counts_as_what_it_becomes_in_memory(int values, bool isCanonical, int status)
    {
        await using var server = await StartAsync(
            ("limits.federation_bodies", "16MiB"), ("limits.transaction_body", "4MiB"));
        var peer = new Peer("peer.example");
        server.Knows(peer);
        var body = new JsonObject
        {
            ["edus"] = new JsonArray(),
            ["pdus"] = new JsonArray(),
            ["x"] = new JsonArray([.. Enumerable.Repeat(0, values).Select(zero => JsonValue.Create(zero))]),
        };
        var text = (isCanonical ? "" : " ") + body.ToJsonString();

        var reply = await server.SendAsync(
            Peer.Request(server, "PUT", Target, text).With(peer.Authorization(server.Name, "PUT", Target, body)));

        reply.Is(status, status == 413 ? "M_TOO_LARGE" : null);
        (await peer.SendAsync(server, "PUT", Target, new JsonObject { ["pdus"] = new JsonArray() })).Is(200);
    }

    [Test]
    public async Task A_verified_body_of_few_values_may_need_more_memory_than_the_part_of_an_address()
    {
        await using var server = await StartAsync(
            ("limits.federation_bodies", "16MiB"), ("limits.transaction_body", "4MiB"));
        var peer = new Peer("peer.example");
        server.Knows(peer);
        var body = new JsonObject { ["pdus"] = new JsonArray(), ["x"] = new string('x', 3_000_000) };

        (await peer.SendAsync(server, "PUT", Target, body)).Is(200);
    }

    [Test]
    public async Task A_request_waits_for_the_keys_of_its_server_for_a_bounded_time()
    {
        await using var server = await TestServer.StartFederatingAsync(
            null, ("limits.federation_key_time", "500ms"));
        var silent = new TcpListener(Loopback.Next());
        silent.Start();
        try
        {
            var peer = new Peer(silent.LocalEndpoint.ToString()!);
            var asked = DateTime.UtcNow;

            (await SendPartAsync(server, peer, part: "")).Is(429, "M_LIMIT_EXCEEDED");

            Assert.That(DateTime.UtcNow - asked, Is.LessThan(TimeSpan.FromSeconds(8)), "a fetch may take longer");
        }
        finally
        {
            silent.Stop();
        }
    }

    private static Task<TestServer> StartAsync(params (string Key, string Value)[] settings) =>
        TestServer.StartWithoutTlsAsync(Loopback.Next(), null, settings);

    /// <summary>Announces a body, and sends a part of it.</summary>
    private static Task<Reply> SendPartAsync(ServerUnderTest server, Peer peer, string part)
    {
        var authorization = peer.Authorization(server.Name, "PUT", Target, new JsonObject());
        return RawConnection.RequestAsync(server.FederationAddress, string.Create(
            CultureInfo.InvariantCulture,
            $"PUT {Target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {authorization}\r\n"
                + $"Content-Length: 100000\r\n\r\n{part}"));
    }
}
