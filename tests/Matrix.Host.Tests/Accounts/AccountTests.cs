using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Host.Tests.Accounts;

public sealed class AccountTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_changed_password_logs_others_out_and_the_changer_not()
    {
        var one = await _server.RegistersAsync("changer");
        var other = await one.LogsInAsync();
        var body = new JsonObject { ["new_password"] = "entirely new", ["auth"] = one.PasswordAuth() };

        (await one.PostAsync("account/password", body)).Is(200);

        (await one.GetAsync("account/whoami")).Is(200);
        (await other.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await LogInAsync("changer", one.Password)).Is(403, "M_FORBIDDEN");
        (await LogInAsync("changer", "entirely new")).Is(200);
    }

    [Test]
    public async Task A_changed_password_leaves_others_logged_in_if_asked_to()
    {
        var one = await _server.RegistersAsync("keeper");
        var other = await one.LogsInAsync();

        (await one.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = "entirely new",
            ["logout_devices"] = false,
            ["auth"] = one.PasswordAuth(),
        })).Is(200);

        (await other.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task The_password_must_be_ones_own_and_a_failed_attempt_may_be_repeated()
    {
        var eve = await _server.RegistersAsync("eve");
        var mallory = await _server.RegistersAsync("mallory");
        var body = new JsonObject { ["new_password"] = "entirely new" };
        var session = (await eve.PostAsync("account/password", body.DeepClone())).Is(401).Member("session");

        body["auth"] = mallory.PasswordAuth(session);
        var failed = (await eve.PostAsync("account/password", body.DeepClone())).Is(401, "M_FORBIDDEN");
        Assert.That(failed.Member("session"), Is.EqualTo(session));
        Assert.That(failed.Json["completed"]!.AsArray(), Is.Empty);

        body["auth"] = eve.PasswordAuth(session);
        (await eve.PostAsync("account/password", body.DeepClone())).Is(200);
        (await LogInAsync("mallory", mallory.Password)).Is(200);
    }

    [Test]
    public async Task Whoever_authenticates_by_an_address_that_nobody_has_is_refused_for_good()
    {
        var user = await _server.RegistersAsync("addressee");
        var session = (await user.DeleteAsync($"devices/{user.DeviceId}", new JsonObject())).Is(401).Member("session");

        var auth = user.PasswordAuth(session);
        auth["identifier"] =
            new JsonObject { ["type"] = "m.id.thirdparty", ["medium"] = "email", ["address"] = "a@b.example" };
        (await user.DeleteAsync($"devices/{user.DeviceId}", new JsonObject { ["auth"] = auth })).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_auth_of_null_is_none()
    {
        var user = await _server.RegistersAsync("nullifier");
        var asked = (await user.DeleteAsync("devices/X", new JsonObject { ["auth"] = null })).Is(401);

        Assert.That(asked.Json["flows"]!.ToJsonString(), Is.EqualTo("""[{"stages":["m.login.password"]}]"""));
        (await user.DeleteAsync("devices/X", new JsonObject { ["auth"] = user.PasswordAuth(asked.Member("session")) }))
            .Is(200);
    }

    [Test]
    public async Task A_session_is_for_one_request_only()
    {
        var user = await _server.RegistersAsync("switcher");
        var second = await user.LogsInAsync();
        var third = await user.LogsInAsync();
        var session = (await user.DeleteAsync($"devices/{second.DeviceId}", new JsonObject()))
            .Is(401).Member("session");

        (await user.DeleteAsync($"devices/{third.DeviceId}", new JsonObject { ["auth"] = user.PasswordAuth(session) }))
            .Is(403, "M_FORBIDDEN");
        (await user.PostAsync(
            "delete_devices",
            new JsonObject { ["devices"] = new JsonArray(second.DeviceId), ["auth"] = user.PasswordAuth(session) }))
            .Is(403, "M_FORBIDDEN");
        (await user.DeleteAsync($"devices/{second.DeviceId}", new JsonObject { ["auth"] = user.PasswordAuth(session) }))
            .Is(200);

        (await second.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await third.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task The_same_last_request_gets_its_result_again()
    {
        var user = await _server.RegistersAsync("retrier");
        const string Path = "/_matrix/client/v1/login/get_token";
        var session = (await user.PostAsync(Path)).Is(401).Member("session");
        var body = new JsonObject { ["auth"] = user.PasswordAuth(session) };

        var first = (await user.PostAsync(Path, body.DeepClone())).Is(200);

        Assert.That((await user.PostAsync(Path, body.DeepClone())).Is(200).Text, Is.EqualTo(first.Text));
        body["auth"]!["password"] = "another";
        var other = (await user.PostAsync(Path, body)).Is(401, "M_FORBIDDEN");
        Assert.That(other.Json["completed"]!.AsArray(), Is.Empty);
        Assert.That(other.Member("session"), Is.Not.EqualTo(session));
    }

    [Test]
    public async Task A_deactivated_account_cannot_be_used_or_made_again()
    {
        var user = await _server.RegistersAsync("leaver");
        var asked = (await user.PostAsync("account/deactivate")).Is(401);
        var done = (await user.PostAsync(
            "account/deactivate",
            new JsonObject { ["auth"] = user.PasswordAuth(asked.Member("session")) })).Is(200);

        Assert.That(done.Member("id_server_unbind_result"), Is.EqualTo("success"));
        (await user.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await LogInAsync("leaver", user.Password)).Is(403, "M_FORBIDDEN");
        (await _server.Anyone.GetAsync("register/available?username=leaver")).Is(400, "M_USER_IN_USE");
    }

    [Test]
    public async Task An_erased_account_keeps_no_profile()
    {
        var user = await _server.RegistersAsync("eraser");
        await user.PutAsync($"profile/{user.UserId}/displayname", new JsonObject { ["displayname"] = "E." });
        await user.PutAsync($"user/{user.UserId}/account_data/a.b", new JsonObject { ["a"] = 1 });

        (await user.PostAsync(
            "account/deactivate",
            new JsonObject { ["erase"] = true, ["auth"] = user.PasswordAuth() })).Is(200);

        (await _server.Anyone.GetAsync($"profile/{user.UserId}/displayname")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Devices_are_listed_renamed_and_deleted()
    {
        var user = await _server.RegistersAsync("owner");
        var phone = await user.LogsInAsync("PHONE");

        (await user.PutAsync("devices/PHONE", new JsonObject { ["display_name"] = "A phone" })).Is(200);
        (await user.PutAsync("devices/PHONE", new JsonObject())).Is(200);
        (await user.PutAsync("devices/NONE", new JsonObject { ["display_name"] = "x" })).Is(404, "M_NOT_FOUND");
        (await user.PutAsync("devices/NONE", new JsonObject())).Is(404, "M_NOT_FOUND");
        (await user.PutAsync("devices/PHONE", new JsonObject { ["display_name"] = 5 })).Is(400, "M_BAD_JSON");
        Assert.That((await user.GetAsync("devices/PHONE")).Is(200).Member("display_name"), Is.EqualTo("A phone"));
        Assert.That((await user.GetAsync("devices")).Is(200).Json["devices"]!.AsArray(), Has.Count.EqualTo(2));

        var body = new JsonObject { ["devices"] = new JsonArray("PHONE", "NONE"), ["auth"] = user.PasswordAuth() };
        (await user.PostAsync("delete_devices", body)).Is(200);
        (await phone.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await user.GetAsync("devices/PHONE")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_device_says_when_it_was_seen()
    {
        var user = await _server.RegistersAsync("seen");
        await user.GetAsync("account/whoami");

        Reply device = null!;
        for (var i = 0; i < 1500; i++)
        {
            device = await user.GetAsync($"devices/{user.DeviceId}");
            if (device.Json["last_seen_ts"] is not null) break;
            await Task.Delay(20);
        }

        Assert.That(device.Member("last_seen_ip"), Is.EqualTo("127.0.0.1"));
        Assert.That(
            (long?)device.Json["last_seen_ts"],
            Is.EqualTo(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).Within(60_000));
    }

    [Test]
    public async Task Nobody_has_contact_information_here()
    {
        var user = await _server.RegistersAsync("private");

        Assert.That((await user.GetAsync("account/3pid")).Is(200).Text, Is.EqualTo("""{"threepids":[]}"""));
        var capabilities = (await user.GetAsync("capabilities")).Is(200).Json["capabilities"]!;
        Assert.That((bool?)capabilities["m.3pid_changes"]!["enabled"], Is.False);
        foreach (var profile in (string[])["m.profile_fields", "m.set_displayname", "m.set_avatar_url"])
        {
            Assert.That((bool?)capabilities[profile]!["enabled"], Is.True, profile);
        }

        Assert.That((string?)capabilities["m.room_versions"]!["default"], Is.EqualTo(RoomRules.Recommended));
        Assert.That((string?)capabilities["m.room_versions"]!["available"]!["10"], Is.EqualTo("stable"));
        Assert.That(
            capabilities["m.room_versions"]!["available"]!.AsObject().Select(v => v.Key),
            Is.EquivalentTo(RoomRules.Known));
        foreach (var (version, _) in capabilities["m.room_versions"]!["available"]!.AsObject())
        {
            (await user.PostAsync("createRoom", new JsonObject { ["room_version"] = version })).Is(200);
        }
    }

    private Task<Reply> LogInAsync(string user, string password) => _server.Anyone.PostAsync(
        "login", new JsonObject { ["type"] = "m.login.password", ["user"] = user, ["password"] = password });
}
