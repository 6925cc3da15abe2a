using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Listener;

/// <summary>Servers that ask for a large state and do not read the response.</summary>
public sealed class SlowReaderTests
{
    private readonly Peer _slow = new("slow.example");
    private readonly Peer _other = new("other.example");
    private string _target = "";

    [Test]
    public async Task A_state_keeps_its_place_until_it_is_sent_and_not_for_longer_than_its_time()
    {
        await using var server = await StartAsync(
            200,
            ("federation.states_served", "1"),
            ("federation.states_served_to_server", "1"),
            ("federation.states_awaited", "0"),
            ("limits.federation_response_time", "6s"));

        using var unread = await AskAsync(server);
        (await _slow.SendAsync(server, "GET", _target)).Is(429, "M_LIMIT_EXCEEDED");

        await IsServedAsync(server, _slow);
    }

    [Test]
    public async Task A_state_that_is_not_read_keeps_no_other_server_waiting()
    {
        await using var server = await StartAsync(
            200, ("federation.states_served", "1"), ("limits.federation_response_time", "5m"));

        using var unread = await AskAsync(server);

        (await _other.SendAsync(server, "GET", _target)).Is(200);
    }

    [Test]
    public async Task A_response_in_parts_is_whole()
    {
        await using var server = await StartAsync(20);

        var reply = (await _other.SendAsync(server, "GET", _target)).Is(200);

        var large = reply.Json["pdus"]!.AsArray().Where(each => (string?)each!["type"] == "org.example.large");
        Assert.That(large.Select(each => ((string)each!["content"]!["body"]!).Length), Is.All.EqualTo(60_000));
        Assert.That(reply.ContentHeaders.ContentLength, Is.EqualTo(Encoding.UTF8.GetByteCount(reply.Text)));
    }

    [Test]
    public async Task The_bytes_of_responses_that_are_not_read_are_bounded()
    {
        await using var server = await StartAsync(200, ("limits.federation_responses", "16MiB"));

        using (await AskAsync(server))
        {
            (await _other.SendAsync(server, "GET", _target)).Is(429, "M_LIMIT_EXCEEDED");
        }

        // The slow one has gone.
        await IsServedAsync(server, _other);
    }

    [TestCase("1MiB", 200)]
    [TestCase("1", 429)]
    public async Task A_response_ends_if_it_is_read_more_slowly_than_the_least_rate(string rate, int expected)
    {
        await using var server = await StartAsync(
            200,
            ("limits.federation_responses", "16MiB"),
            ("limits.federation_response_time", "5m"),
            ("limits.federation_response_rate", rate));

        using var unread = await AskAsync(server);
        (await _other.SendAsync(server, "GET", _target)).Is(429, "M_LIMIT_EXCEEDED");

        // The web server gives each response ten seconds.
        await Task.Delay(TimeSpan.FromSeconds(13));
        if (expected == 200) await IsServedAsync(server, _other);
        else (await _other.SendAsync(server, "GET", _target)).Is(429, "M_LIMIT_EXCEEDED");
    }

    private async Task<TestServer> StartAsync(int count, params (string Key, string Value)[] settings)
    {
        var server = await TestServer.StartWithoutTlsAsync(Loopback.Next(), null, settings);
        server.Knows(_slow).Knows(_other);
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var path = $"rooms/{PeerRoom.Escape(roomId)}/state/org.example.large/";
        for (var n = 0; n < count; n++)
        {
            (await alice.PutAsync($"{path}{n}", new JsonObject { ["body"] = new string('x', 60_000) })).Is(200);
        }

        _ = await _slow.JoinsAsync(server, roomId, "sam");
        _ = await _other.JoinsAsync(server, roomId, "olga");
        var last = await alice.SaysAsync(roomId, "hello");
        _target = $"/_matrix/federation/v1/state/{PeerRoom.Escape(roomId)}?event_id={PeerRoom.Escape(last)}";
        return server;
    }

    /// <summary>Waits until a server is served the state.</summary>
    private async Task IsServedAsync(TestServer server, Peer peer)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        Reply reply;
        do
        {
            await Task.Delay(200);
            reply = await peer.SendAsync(server, "GET", _target);
        }
        while (reply.Status == 429 && DateTime.UtcNow < until);
        reply.Is(200);
    }

    /// <summary>Asks for the state, and reads no more than shows that the response is being sent.</summary>
    private async Task<TcpClient> AskAsync(TestServer server)
    {
        var tcp = new TcpClient { ReceiveBufferSize = 4096 };
        await tcp.ConnectAsync(server.FederationAddress.Host, server.FederationAddress.Port);
        var authorization = _slow.Authorization(server.Name, "GET", _target, null);
        await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {_target} HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n"));
        await tcp.GetStream().ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        return tcp;
    }
}
