using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AppServices;

internal sealed class IdentityTests : AppServiceTests
{
    [Test]
    public async Task A_service_is_its_sender_without_a_device()
    {
        var reply = (await Bridge.GetAsync("account/whoami")).Is(200);

        Assert.That(reply.Member("user_id"), Is.EqualTo(IdOf("_bridge")));
        Assert.That(reply.Json.ContainsKey("device_id"), Is.False);
    }

    [Test]
    public async Task A_service_acts_as_its_users_and_no_others()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);

        var ghost = (await Bridge.GetAsync($"account/whoami?user_id={IdOf("_irc_ghost")}")).Is(200);

        Assert.That(ghost.Member("user_id"), Is.EqualTo(IdOf("_irc_ghost")));
        (await Bridge.GetAsync($"account/whoami?user_id={Alice.UserId}")).Is(403, "M_FORBIDDEN");
        (await Bridge.GetAsync($"account/whoami?user_id={IdOf("_irc_nobody")}")).Is(403, "M_FORBIDDEN");
        (await Bridge.GetAsync("account/whoami?user_id=@_irc_ghost:elsewhere.example")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_person_cannot_act_as_another()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);

        var reply = (await Alice.GetAsync($"account/whoami?user_id={IdOf("_irc_ghost")}")).Is(200);

        Assert.That(reply.Member("user_id"), Is.EqualTo(Alice.UserId));
    }

    [TestCase("device_id")]
    [TestCase("org.matrix.msc3202.device_id")]
    public async Task A_service_creates_devices_and_acts_as_them(string parameter)
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var user = $"user_id={IdOf("_irc_ghost")}";
        (await Bridge.GetAsync($"account/whoami?{user}&{parameter}=DEV")).Is(400, "M_UNKNOWN_DEVICE");

        var name = new JsonObject { ["display_name"] = "The bridge" };
        (await Bridge.PutAsync($"devices/DEV?{user}", name)).Is(201);
        (await Bridge.PutAsync($"devices/DEV?{user}", name)).Is(200);

        var reply = (await Bridge.GetAsync($"account/whoami?{user}&{parameter}=DEV")).Is(200);
        Assert.That(reply.Member("device_id"), Is.EqualTo("DEV"));
        var devices = (await Bridge.GetAsync($"devices?{user}")).Is(200);
        Assert.That((string?)devices.Json["devices"]![0]!["display_name"], Is.EqualTo("The bridge"));
        (await Bridge.DeleteAsync($"devices/DEV?{user}")).Is(200);
        (await Bridge.GetAsync($"account/whoami?{user}&{parameter}=DEV")).Is(400, "M_UNKNOWN_DEVICE");
    }

    [Test]
    public async Task A_person_cannot_create_devices() =>
        (await Alice.PutAsync("devices/NEW", new JsonObject { ["display_name"] = "x" })).Is(404, "M_NOT_FOUND");

    [Test]
    public async Task Keys_are_uploaded_for_a_device_only()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);

        (await Bridge.PostAsync($"keys/upload?user_id={IdOf("_irc_ghost")}")).Is(400, "M_MISSING_PARAM");
    }

    [Test]
    public async Task A_service_logs_its_users_in_and_no_others()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);

        var reply = (await LogsInAsync(Bridge, "_irc_ghost")).Is(200);

        var ghost = new TestClient(Server, reply.Member("access_token"));
        Assert.That((await ghost.GetAsync("account/whoami")).Member("user_id"), Is.EqualTo(IdOf("_irc_ghost")));
        (await LogsInAsync(Bridge, "alice")).Is(400, "M_EXCLUSIVE");
        (await LogsInAsync(Bridge, "_irc_nobody")).Is(403, "M_FORBIDDEN");
        (await LogsInAsync(Server.Anyone, "_irc_ghost")).Is(401, "M_MISSING_TOKEN");
        (await LogsInAsync(Alice, "_irc_ghost")).Is(401, "M_UNKNOWN_TOKEN");
        var flows = (await Server.Anyone.GetAsync("login")).Json["flows"]!.AsArray();
        Assert.That(flows.Select(flow => (string?)flow!["type"]), Has.Member("m.login.application_service"));
    }

    [Test]
    public async Task Registration_needs_the_token_and_gives_a_device_unless_told_not_to()
    {
        var body = new JsonObject { ["type"] = "m.login.application_service", ["username"] = "_irc_ghost" };
        (await Server.Anyone.PostAsync("register", body)).Is(401, "M_MISSING_TOKEN");
        (await Alice.PostAsync("register", body)).Is(401, "M_UNKNOWN_TOKEN");

        var withDevice = (await RegistersGhostAsync("_irc_one", inhibitLogin: false)).Is(200);
        var without = (await RegistersGhostAsync("_irc_two")).Is(200);

        Assert.That(withDevice.Member("device_id"), Is.Not.Empty);
        Assert.That(without.Json.ContainsKey("access_token"), Is.False);
        (await RegistersGhostAsync("_irc_one")).Is(400, "M_USER_IN_USE");
        (await Bridge.PostAsync("register", new JsonObject { ["type"] = "m.login.application_service" }))
            .Is(400, "M_MISSING_PARAM");
    }

    [Test]
    public async Task A_service_gives_events_their_time_and_others_do_not()
    {
        var room = await BridgedRoomAsync();
        var ghost = $"user_id={IdOf("_irc_ghost")}";

        var said = (await Bridge.PutAsync($"rooms/{room}/send/m.room.message/1?{ghost}&ts=1234", Text())).Is(200);
        var joined = (await Bridge.PutAsync(
            $"rooms/{room}/state/m.room.member/{IdOf("_irc_ghost")}?{ghost}&ts=5678",
            new JsonObject { ["membership"] = "join", ["displayname"] = "Ghost" })).Is(200);
        var alices = (await Alice.PutAsync($"rooms/{room}/send/m.room.message/1?ts=1234", Text())).Is(200);

        Assert.That(await TimeOfAsync(room, said), Is.EqualTo(1234));
        Assert.That(await TimeOfAsync(room, joined), Is.EqualTo(5678));
        Assert.That(await TimeOfAsync(room, alices), Is.GreaterThan(1_000_000_000_000));
        foreach (var wrong in (string[])["-1", "x", "9007199254740992"])
        {
            (await Bridge.PutAsync($"rooms/{room}/send/m.room.message/2?{ghost}&ts={wrong}", Text()))
                .Is(400, "M_INVALID_PARAM");
        }
    }

    [Test]
    public async Task A_service_replaces_signing_keys_without_a_password()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var user = IdOf("_irc_ghost");
        for (var i = 0; i < 2; i++)
        {
            var keys = new Identity(user).Upload();
            (await Bridge.PostAsync($"keys/device_signing/upload?user_id={user}", keys)).Is(200);
        }
    }

    [Test]
    public async Task The_first_person_still_becomes_the_administrator()
    {
        await using var server = await TestServer.StartAsync(
            ("app_services.files", Service.Folder), ("registration.enabled", "false"));
        var bridge = new TestClient(server, TestService.Token);
        (await bridge.GetAsync("account/whoami")).Is(200);

        await server.RestartAsync();

        Assert.That(server.FirstUserToken, Is.Not.Null);
    }

    private static JsonObject Text() => new() { ["msgtype"] = "m.text", ["body"] = "x" };

    private async Task<long> TimeOfAsync(string room, Reply sent)
    {
        var eventId = Uri.EscapeDataString(sent.Member("event_id"));
        var read = (await Alice.GetAsync($"rooms/{room}/event/{eventId}")).Is(200);
        return (long)read.Json["origin_server_ts"]!;
    }

    private static Task<Reply> LogsInAsync(TestClient client, string user) =>
        client.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = user },
        });
}

internal sealed class ServiceRateTests : AppServiceTests
{
    protected override (string Key, string Value)[] Settings =>
        [("rate_limits.enabled", "true"), ("rate_limits.other_burst", "5"), ("rate_limits.other_per_second", "0.001")];

    protected override string Registration => "rate_limited: true";

    [Test]
    public async Task The_sender_is_not_limited_its_users_are_unless_the_registration_says_no()
    {
        for (var i = 0; i < 10; i++) (await Bridge.GetAsync("account/whoami")).Is(200);
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var ghost = $"account/whoami?user_id={IdOf("_irc_ghost")}";
        for (var i = 0; i < 5; i++) (await Bridge.GetAsync(ghost)).Is(200);
        (await Bridge.GetAsync(ghost)).Is(429, "M_LIMIT_EXCEEDED");

        Service.Registers("rate_limited: false");
        await Server.RestartAsync();

        for (var i = 0; i < 10; i++) (await Bridge.GetAsync(ghost)).Is(200);
    }
}
