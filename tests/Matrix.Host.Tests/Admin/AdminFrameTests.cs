using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Who may call the administration API, where it listens, and what it records.</summary>
public sealed class AdminFrameTests : AdminTests
{
    private static readonly (string Method, string Path)[] _endpoints =
    [
        ("GET", V1 + "audit_log"), ("GET", V2 + "users"), ("GET", "/_synapse/admin/v3/users"),
        ("GET", V2 + "users/@a:test.example"), ("PUT", V2 + "users/@a:test.example"),
        ("GET", V1 + "username_available?username=x"), ("POST", V1 + "deactivate/@a:test.example"),
        ("POST", V1 + "reset_password/@a:test.example"), ("GET", V1 + "whois/@a:test.example"),
        ("GET", V1 + "users/@a:test.example/admin"), ("PUT", V1 + "users/@a:test.example/admin"),
        ("POST", V1 + "users/@a:test.example/login"), ("GET", V1 + "users/@a:test.example/joined_rooms"),
        ("GET", V1 + "users/@a:test.example/memberships"), ("GET", V1 + "users/@a:test.example/accountdata"),
        ("GET", V1 + "users/@a:test.example/pushers"), ("GET", V2 + "users/@a:test.example/devices"),
        ("POST", V2 + "users/@a:test.example/devices"), ("GET", V2 + "users/@a:test.example/devices/D"),
        ("PUT", V2 + "users/@a:test.example/devices/D"), ("DELETE", V2 + "users/@a:test.example/devices/D"),
        ("POST", V2 + "users/@a:test.example/delete_devices"), ("GET", V1 + "registration_tokens"),
        ("POST", V1 + "registration_tokens/new"), ("GET", V1 + "registration_tokens/x"),
        ("PUT", V1 + "registration_tokens/x"), ("DELETE", V1 + "registration_tokens/x"), ("GET", V1 + "rooms"),
        ("GET", V1 + "rooms/!r:test.example"), ("GET", V1 + "rooms/!r:test.example/members"),
        ("GET", V1 + "rooms/!r:test.example/state"), ("GET", V1 + "rooms/!r:test.example/messages"),
        ("GET", V1 + "rooms/!r:test.example/context/$e"), ("GET", V1 + "rooms/!r:test.example/timestamp_to_event"),
        ("GET", V1 + "rooms/!r:test.example/forward_extremities"), ("GET", V1 + "rooms/!r:test.example/block"),
        ("PUT", V1 + "rooms/!r:test.example/block"), ("POST", V1 + "rooms/!r:test.example/make_room_admin"),
        ("POST", V1 + "join/!r:test.example"), ("GET", V1 + "users/@a:test.example/media"),
        ("DELETE", V1 + "users/@a:test.example/media"), ("GET", V1 + "statistics/users/media"),
        ("DELETE", V1 + "media/test.example/x"), ("POST", V1 + "media/delete"),
        ("POST", V1 + "media/test.example/delete"), ("POST", V1 + "media/quarantine/test.example/x"),
        ("POST", V1 + "media/unquarantine/test.example/x"), ("POST", V1 + "user/@a:test.example/media/quarantine"),
        ("POST", V1 + "purge_media_cache"), ("GET", V1 + "federation/destinations"),
        ("GET", V1 + "federation/destinations/other.example"),
        ("POST", V1 + "federation/destinations/other.example/reset_connection"), ("GET", V1 + "event_reports"),
        ("GET", V1 + "event_reports/1"), ("DELETE", V1 + "event_reports/1"), ("POST", V1 + "send_server_notice"),
        ("PUT", V1 + "send_server_notice/t"), ("GET", V1 + "rooms/!r:test.example/hierarchy"),
        ("DELETE", V1 + "rooms/!r:test.example/forward_extremities"), ("PUT", V1 + "suspend/@a:test.example"),
        ("PUT", V1 + "lock/@a:test.example"), ("GET", V1 + "federation/destinations/other.example/rooms"),
        ("GET", V1 + "auth_providers/x/users/y"), ("POST", V1 + "media/quarantine/00"),
        ("POST", V1 + "media/unquarantine/00"),
    ];

    [TestCaseSource(nameof(_endpoints))]
    public async Task Only_administrators_may_call((string Method, string Path) endpoint)
    {
        var method = new HttpMethod(endpoint.Method);
        (await Server.Anyone.SendAsync(method, endpoint.Path, null)).Is(401, "M_MISSING_TOKEN");
        (await Alice.SendAsync(method, endpoint.Path, null)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task The_version_is_for_everyone() => Assert.That(
        (await Server.Anyone.GetAsync(V1 + "server_version")).Is(200).Member("server_version"),
        Does.StartWith("Matrix.Hybrid "));

    [Test]
    public async Task An_act_is_recorded_with_its_actor_address_target_and_result()
    {
        var user = await Server.RegistersAsync("recorded");
        (await Root.PutAsync($"{V1}users/{user.UserId}/admin", new JsonObject { ["admin"] = true })).Is(200);

        var log = (await Root.GetAsync($"{V1}audit_log?target={user.UserId}&who={Root.UserId}")).Is(200).Json;
        var entry = log["entries"]!.AsArray().Single()!;
        Assert.That(Names(entry), Is.EqualTo(new[] { "id", "ts", "who", "address", "action", "target", "result" }));
        Assert.That(
            ((string?)entry["who"], (string?)entry["address"], (string?)entry["action"], (string?)entry["result"]),
            Is.EqualTo((Root.UserId, "127.0.0.1", "user.make_admin", "done")));
        Assert.That((long)log["total"]!, Is.EqualTo(1));
    }

    [Test]
    public async Task The_audit_log_is_read_in_pages()
    {
        for (var i = 0; i < 3; i++)
        {
            (await Root.PostAsync(V1 + "registration_tokens/new", new JsonObject { ["token"] = $"page{i}" })).Is(200);
        }

        var first = (await Root.GetAsync(V1 + "audit_log?action=token.create&limit=2")).Is(200).Json;
        var from = (long)first["next_token"]!;
        var second = (await Root.GetAsync($"{V1}audit_log?action=token.create&limit=2&from={from}")).Is(200).Json;

        Assert.That(first["entries"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That(second["entries"]!.AsArray(), Is.Not.Empty);
        Assert.That((long)second["entries"]![0]!["id"]!, Is.LessThan(from));
    }

    [Test]
    public async Task With_a_listener_of_its_own_it_is_on_no_other()
    {
        await using var apart = await TestServer.StartAsync(
            ("listeners.admin", "127.0.0.1:0"), ("listeners.federation", "127.0.0.1:0"));
        (await apart.Anyone.GetAsync(V1 + "server_version")).Is(404, "M_UNRECOGNIZED");
        (await apart.Anyone.GetAsync("/_matrix/client/versions")).Is(200);
        (await apart.Anyone.GetAsync(V1 + "register")).Is(200);

        using var http = new HttpClient();
        var admin = await http.GetAsync(new Uri(apart.AdminAddress!, V1 + "server_version"));
        var clients = await http.GetAsync(new Uri(apart.AdminAddress!, "/_matrix/client/versions"));
        var servers = await http.GetAsync(new Uri(apart.FederationAddress!, V1 + "server_version"));
        Assert.That(
            ((int)admin.StatusCode, (int)clients.StatusCode, (int)servers.StatusCode), Is.EqualTo((200, 404, 404)));
    }
}
