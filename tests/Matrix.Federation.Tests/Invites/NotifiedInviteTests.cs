using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Invites of another server, as push gateways and application services get them.</summary>
public sealed class NotifiedInviteTests
{
    private const string Token = "the-as-token";

    private readonly ConcurrentQueue<JsonObject> _transactions = new();
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private AnsweringPeer _gateway = null!;
    private WebApplication _service = null!;
    private string _folder = null!;
    private TestUser _alice = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _service = builder.Build();
        _service.Run(SeenRequests.Recording(ServeAsync));
        await _service.StartAsync();
        _folder = Directory.CreateTempSubdirectory("matrix-service-").FullName;
        await File.WriteAllTextAsync(Path.Combine(_folder, "bridge.yaml"), $"""
            id: bridge
            url: "{_service.Urls.First()}"
            as_token: {Token}
            hs_token: the-hs-token
            sender_localpart: _bridge
            namespaces:
              users:
                - exclusive: true
                  regex: "@_irc_.*"
              aliases: []
              rooms: []
            """);
        _server = await TestServer.StartWithKnownKeysAsync(
            ("push.allow_networks", "127.0.0.0/8"),
            ("push.first_pause", "500ms"),
            ("app_services.files", _folder),
            ("app_services.query_time", "5s"),
            ("app_services.query_attempts", "1"));
        _peer = await AnsweringPeer.StartAsync();
        _gateway = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _gateway.DisposeAsync();
        await _peer.DisposeAsync();
        await _service.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task An_application_service_creates_the_user_whom_another_server_invites()
    {
        var room = MembershipRoom.Create(_peer.Peer, "11");

        (await room.InvitesAsync(_server, room.Sets(Ghost("new"), "invite"))).Is(200);
        (await room.InvitesAsync(_server, room.Sets(Ghost("none"), "invite"))).Is(404, "M_NOT_FOUND");
        (await room.InvitesAsync(_server, room.Sets(Ghost("silent"), "invite"))).Is(408, "M_UNKNOWN");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_invite_to_a_room_that_is_here_is_pushed_once_though_the_gateway_failed(bool isInviteFirst)
    {
        var erin = await _server.RegistersAsync(isInviteFirst ? "erin" : "fred");
        var refuses = 1;
        var pushed = new ConcurrentQueue<string>();
        _gateway.Answers = request =>
        {
            var id = (string?)request.Body!["notification"]!["event_id"];
            if (id is not null && Interlocked.Decrement(ref refuses) >= 0) return (500, new JsonObject());
            if (id is not null) pushed.Enqueue(id);
            return (200, new JsonObject { ["rejected"] = new JsonArray() });
        };
        (await erin.PostAsync("pushers/set", new JsonObject
        {
            ["kind"] = "http",
            ["app_id"] = "org.example.app",
            ["pushkey"] = "key",
            ["app_display_name"] = "App",
            ["device_display_name"] = "Phone",
            ["lang"] = "en",
            ["data"] = new JsonObject { ["url"] = $"https://{_gateway.Peer.Name}/_matrix/push/v1/notify" },
        })).Is(200);
        var room = await SharedRoomAsync();
        var invite = Invites(room, erin.UserId);

        if (isInviteFirst) (await room.InvitesAsync(_server, invite)).Is(200);
        (await room.SendAsync(_server, "push" + isInviteFirst, invite)).Is(200);
        if (!isInviteFirst) (await room.InvitesAsync(_server, invite)).Is(200);
        await Until.HoldsAsync(() => pushed.Contains(invite.EventId));
        await InvitesToNewRoomAsync(erin.UserId);
        await Until.HoldsAsync(() => pushed.Count >= 2);

        Assert.That(pushed.Count(id => id == invite.EventId), Is.EqualTo(1));
        Assert.That(refuses, Is.LessThanOrEqualTo(0));
    }

    [Test]
    public async Task An_invite_to_a_room_that_is_here_reaches_a_service_once()
    {
        var ghost = Ghost("here");
        await RegistersAsync("_irc_here");
        var room = await SharedRoomAsync();
        var invite = Invites(room, ghost);

        (await room.InvitesAsync(_server, invite)).Is(200);
        (await room.SendAsync(_server, "service", invite)).Is(200);
        var last = await InvitesToNewRoomAsync(ghost);
        await Until.HoldsAsync(() => Sent().Any(each => (string?)each["room_id"] == last));

        Assert.That(Sent().Count(each => (string?)each["event_id"] == invite.EventId), Is.EqualTo(1));
    }

    private string Ghost(string name) => $"@_irc_{name}:{_server.Name}";

    private IEnumerable<JsonNode> Sent() => _transactions.SelectMany(each => each["events"]!.AsArray().Select(e => e!));

    private static Pdu Invites(PeerRoom room, string userId) => room.Makes(
        "dora", "m.room.member", userId, new JsonObject { ["membership"] = "invite" });

    /// <summary>A room of alice's, in which the peer's dora may invite.</summary>
    private async Task<PeerRoom> SharedRoomAsync()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _alice.SetsAsync(roomId, "m.room.power_levels", new()
        {
            ["users"] = new JsonObject { [_alice.UserId] = 100 },
            ["invite"] = 0,
        });
        return await _peer.Peer.JoinsAsync(_server, roomId, "dora");
    }

    private async Task<string> InvitesToNewRoomAsync(string userId)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _alice.InvitesAsync(roomId, userId);
        return roomId;
    }

    private async Task RegistersAsync(string name)
    {
        using var http = new HttpClient { BaseAddress = _server.ClientAddress };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        var body = new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["username"] = name,
            ["inhibit_login"] = true,
        };
        using var reply = await http.PostAsJsonAsync("/_matrix/client/v3/register", body);
        reply.EnsureSuccessStatusCode();
    }

    /// <summary>The application service: it knows all ghosts but one, and does not answer for another.</summary>
    private async Task ServeAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        if (path.Contains("/transactions/"))
        {
            _transactions.Enqueue((await JsonNode.ParseAsync(http.Request.Body))!.AsObject());
        }

        if (path.Contains("/users/"))
        {
            var name = path.Split('@', ':')[1];
            if (name == "_irc_silent")
            {
                http.Abort();
                return;
            }

            if (name == "_irc_none") http.Response.StatusCode = 404;
            else await RegistersAsync(name);
        }

        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync("{}");
    }
}
