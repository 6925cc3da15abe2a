using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Accounts in the administration API.</summary>
public sealed class AccountAdministrationTests : AdminTests
{
    [Test]
    public async Task Users_are_listed_with_the_members_that_tools_read()
    {
        await Alice.PutAsync($"profile/{Alice.UserId}/displayname", new JsonObject { ["displayname"] = "Älice A." });
        var list = (await Root.GetAsync(V2 + "users?name=lice&limit=5")).Is(200).Json;

        var row = list["users"]!.AsArray().Single()!;
        Assert.That(Names(row), Is.EqualTo(new[]
        {
            "name", "user_type", "is_guest", "admin", "deactivated", "erased", "shadow_banned", "displayname",
            "avatar_url", "creation_ts", "last_seen_ts",
        }));
        Assert.That(
            ((string?)row["name"], (string?)row["displayname"], (long)list["total"]!, list["next_token"]),
            Is.EqualTo((Alice.UserId, "Älice A.", 1L, (JsonNode?)null)));
        Assert.That(
            (await Root.GetAsync(V2 + "users?name=A.&admins=false")).Is(200).Json["users"]![0]!["name"]!.ToString(),
            Is.EqualTo(Alice.UserId));
    }

    [Test]
    public async Task Pages_of_users_follow_one_another_in_either_order()
    {
        foreach (var name in (string[])["page-a", "page-b", "page-c"]) await Server.RegistersAsync(name);
        var first = (await Root.GetAsync(V2 + "users?user_id=page-&limit=2&dir=b")).Is(200).Json;
        var second = (await Root.GetAsync(
            $"{V2}users?user_id=page-&limit=2&dir=b&from={first["next_token"]}")).Is(200).Json;

        var names = first["users"]!.AsArray().Concat(second["users"]!.AsArray()).Select(row => (string?)row!["name"]);
        Assert.That(names, Is.EqualTo(new[] { "page-c", "page-b", "page-a" }.Select(name => $"@{name}:test.example")));
        Assert.That((long)first["total"]!, Is.EqualTo(3));
    }

    [TestCase("is_guest")]
    [TestCase("admin")]
    [TestCase("deactivated")]
    [TestCase("displayname")]
    [TestCase("avatar_url")]
    [TestCase("creation_ts")]
    [TestCase("last_seen_ts")]
    public async Task Every_order_lists_every_user_once(string order)
    {
        var all = (await Root.GetAsync($"{V2}users?order_by={order}&deactivated=true")).Is(200).Json;
        var names = all["users"]!.AsArray().Select(row => (string?)row!["name"]).ToArray();
        Assert.That(names, Is.Unique);
        Assert.That(names, Has.Length.EqualTo((int)all["total"]!).And.Member(Root.UserId));
    }

    [TestCase("order_by=age")]
    [TestCase("limit=x")]
    [TestCase("from=-1")]
    [TestCase("guests=maybe")]
    [TestCase("dir=up")]
    public async Task A_wrong_query_is_refused(string query) =>
        (await Root.GetAsync($"{V2}users?{query}")).Is(400, "M_INVALID_PARAM");

    [Test]
    public async Task An_account_is_created_and_changed_by_one_endpoint()
    {
        var path = V2 + "users/@created:test.example";
        var created = (await Root.PutAsync(path, new JsonObject
        {
            ["password"] = "first",
            ["displayname"] = "New",
            ["admin"] = true,
            ["threepids"] = new JsonArray(),
            ["user_type"] = null,
            ["deactivated"] = false,
            ["locked"] = false,
        })).Is(201);
        Assert.That(Names(created.Json), Is.EqualTo(new[]
        {
            "name", "user_type", "is_guest", "admin", "deactivated", "erased", "shadow_banned", "displayname",
            "avatar_url", "creation_ts", "last_seen_ts", "locked", "suspended", "threepids",
            "external_ids",
        }));
        Assert.That(((bool)created.Json["admin"]!, (long)created.Json["last_seen_ts"]!), Is.EqualTo((true, 0L)));
        Assert.That(created.Member("displayname"), Is.EqualTo("New"));
        Assert.That((await LogInAsync("created", "first")).Status, Is.EqualTo(200));

        var changed = (await Root.PutAsync(path, new JsonObject
        {
            ["password"] = "second",
            ["avatar_url"] = "mxc://test.example/a",
            ["admin"] = false,
        })).Is(200);
        Assert.That(
            ((bool)changed.Json["admin"]!, changed.Member("avatar_url")),
            Is.EqualTo((false, "mxc://test.example/a")));
        Assert.That((await LogInAsync("created", "first")).Status, Is.EqualTo(403));
        Assert.That((await LogInAsync("created", "second")).Status, Is.EqualTo(200));
        Assert.That(await AuditOfAsync("@created:test.example"), Is.EqualTo(new[]
        {
            "user.avatar_url: done", "user.unmake_admin: done", "user.password: done", "user.create_admin: done",
        }));
    }

    [Test]
    public async Task An_account_is_locked_and_unlocked_with_its_other_values()
    {
        var path = V2 + "users/@lockable:test.example";
        (await Root.PutAsync(path, new JsonObject { ["password"] = "first", ["locked"] = true })).Is(201);
        Assert.That((bool)(await Root.GetAsync(path)).Is(200).Json["locked"]!);
        (await LogInAsync("lockable", "first")).Is(401, "M_USER_LOCKED");

        (await Root.PutAsync(path, new JsonObject { ["locked"] = false })).Is(200);
        (await Root.PutAsync(path, new JsonObject { ["locked"] = false })).Is(200);
        (await LogInAsync("lockable", "first")).Is(200);
        Assert.That(await AuditOfAsync("@lockable:test.example"), Is.EqualTo(new[]
        {
            "user.unlock: done", "user.lock: done", "user.create: done",
        }));
    }

    [TestCase("""{"threepids":[{"medium":"email","address":"nobody"}]}""", "M_INVALID_PARAM")]
    [TestCase("""{"external_ids":[{"auth_provider":"p","external_id":"x"}]}""", "M_INVALID_PARAM")]
    [TestCase("""{"user_type":"bot"}""", "M_INVALID_PARAM")]
    [TestCase("""{"password":7}""", "M_BAD_JSON")]
    [TestCase("""{"password":""}""", "M_WEAK_PASSWORD")]
    [TestCase("""{"admin":"yes"}""", "M_BAD_JSON")]
    [TestCase("""{"displayname":[]}""", "M_BAD_JSON")]
    public async Task What_is_not_supported_is_refused_and_not_ignored(string body, string errcode)
    {
        (await Root.SendAsync(HttpMethod.Put, $"{V2}users/{Alice.UserId}", TestClient.Raw(body))).Is(400, errcode);
        (await Root.SendAsync(HttpMethod.Put, $"{V2}users/@refused:test.example", TestClient.Raw(body)))
            .Is(400, errcode);
        (await Root.GetAsync($"{V2}users/@refused:test.example")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Users_of_other_servers_and_invalid_names_are_refused()
    {
        (await Root.PutAsync(V2 + "users/@x:other.example")).Is(400, "M_INVALID_PARAM");
        (await Root.PutAsync(V2 + "users/@Upper:test.example")).Is(400, "M_INVALID_PARAM");
        (await Root.PutAsync(V2 + "users/nobody")).Is(400, "M_INVALID_PARAM");
        (await Root.GetAsync(V2 + "users/@nobody:test.example")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_deactivated_account_is_erased_logged_out_and_listed_only_if_asked_for()
    {
        var user = await Server.RegistersAsync("leaver");
        var ended = (await Root.PostAsync(
            $"{V1}deactivate/{user.UserId}", new JsonObject { ["erase"] = true })).Is(200);
        Assert.That(ended.Member("id_server_unbind_result"), Is.EqualTo("success"));
        (await user.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");

        async Task<int> Total(string path) => (int)(await Root.GetAsync(path)).Is(200).Json["total"]!;
        Assert.That(await Total(V2 + "users?user_id=leaver"), Is.Zero);
        Assert.That(await Total(V2 + "users?user_id=leaver&deactivated=true"), Is.EqualTo(1));
        Assert.That(await Total("/_synapse/admin/v3/users?user_id=leaver"), Is.EqualTo(1));
        Assert.That(await Total("/_synapse/admin/v3/users?user_id=leaver&deactivated=false"), Is.Zero);
        Assert.That((bool)(await Root.GetAsync($"{V2}users/{user.UserId}")).Is(200).Json["erased"]!, Is.True);

        (await Root.PutAsync($"{V2}users/{user.UserId}", new JsonObject { ["deactivated"] = false }))
            .Is(400, "M_INVALID_PARAM");
        (await Root.PostAsync($"{V1}deactivate/@nobody:test.example")).Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "user.erase: done" }));
    }

    [Test]
    public async Task A_reset_password_logs_out_unless_it_should_not()
    {
        var user = await Server.RegistersAsync("forgetful");
        (await Root.PostAsync($"{V1}reset_password/{user.UserId}", new JsonObject
        {
            ["new_password"] = "kept",
            ["logout_devices"] = false,
        })).Is(200);
        (await user.GetAsync("account/whoami")).Is(200);

        (await Root.PostAsync(
            $"{V1}reset_password/{user.UserId}", new JsonObject { ["new_password"] = "other" })).Is(200);
        (await user.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((await LogInAsync("forgetful", "other")).Status, Is.EqualTo(200));
        (await Root.PostAsync($"{V1}reset_password/{user.UserId}")).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Rights_are_given_and_taken_but_not_from_oneself()
    {
        var user = await Server.RegistersAsync("deputy");
        var path = $"{V1}users/{user.UserId}/admin";
        (await Root.PutAsync(path, new JsonObject { ["admin"] = true })).Is(200);
        Assert.That((bool)(await user.GetAsync(path)).Is(200).Json["admin"]!, Is.True);
        (await user.PutAsync(path, new JsonObject { ["admin"] = false })).Is(400, "M_INVALID_PARAM");
        (await Root.PutAsync(path, new JsonObject { ["admin"] = false })).Is(200);
        (await user.GetAsync(path)).Is(403, "M_FORBIDDEN");
        (await Root.PutAsync(path, new JsonObject { ["admin"] = "no" })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task An_administrator_acts_as_a_user_for_a_bounded_time_without_a_device()
    {
        var user = await Server.RegistersAsync("acted-for");
        var issued = (await Root.PostAsync($"{V1}users/{user.UserId}/login")).Is(200);
        var acting = new TestClient(Server, issued.Member("access_token"));

        Assert.That((await acting.GetAsync("account/whoami")).Is(200).Member("user_id"), Is.EqualTo(user.UserId));
        Assert.That((await acting.GetAsync("sync?timeout=0")).Status, Is.EqualTo(200));
        Assert.That(
            (await user.GetAsync("devices")).Is(200).Json["devices"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "user.login_as: done" }));

        Server.Ahead = TimeSpan.FromHours(25);
        try
        {
            (await acting.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        }
        finally
        {
            Server.Ahead = TimeSpan.Zero;
        }

        (await Root.PostAsync($"{V1}users/{Root.UserId}/login")).Is(400, "M_INVALID_PARAM");
        (await Root.PostAsync(
            $"{V1}users/{user.UserId}/login", new JsonObject { ["valid_until_ms"] = 1 })).Is(400, "M_INVALID_PARAM");
        (await Root.PostAsync(
            $"{V1}users/{user.UserId}/login", new JsonObject { ["valid_until_ms"] = "x" })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Nobody_acts_as_an_administrator()
    {
        var second = await RegistersAdminAsync("second-root");
        (await Root.PostAsync($"{V1}users/{second.UserId}/login")).Is(403, "M_FORBIDDEN");

        // Nor does somebody who acts as a user whom an administrator is made of later.
        var user = await Server.RegistersAsync("promoted");
        var issued = (await Root.PostAsync($"{V1}users/{user.UserId}/login")).Is(200);
        (await Root.PutAsync($"{V1}users/{user.UserId}/admin", new JsonObject { ["admin"] = true })).Is(200);
        var acting = new TestClient(Server, issued.Member("access_token"));
        (await acting.GetAsync($"{V2}users")).Is(403, "M_FORBIDDEN");
        (await user.GetAsync($"{V2}users")).Is(200);
    }

    [Test]
    public async Task Devices_are_listed_created_renamed_and_deleted()
    {
        var user = await Server.RegistersAsync("gadgets");
        var path = $"{V2}users/{user.UserId}/devices";
        (await Root.PostAsync(path, new JsonObject { ["device_id"] = "TV" })).Is(201);
        (await Root.PutAsync($"{path}/TV", new JsonObject { ["display_name"] = "Wall" })).Is(200);
        Assert.That((await Root.GetAsync($"{path}/TV")).Is(200).Member("display_name"), Is.EqualTo("Wall"));

        var list = (await Root.GetAsync(path)).Is(200).Json;
        Assert.That((int)list["total"]!, Is.EqualTo(2));
        Assert.That(Names(list["devices"]![0]), Is.EqualTo(new[]
        {
            "device_id", "display_name", "last_seen_ip", "last_seen_ts", "user_id",
        }));

        (await Root.DeleteAsync($"{path}/TV")).Is(200);
        (await Root.GetAsync($"{path}/TV")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync(
            $"{V2}users/{user.UserId}/delete_devices",
            new JsonObject { ["devices"] = new JsonArray(user.DeviceId) })).Is(200);
        (await user.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await Root.PostAsync($"{V2}users/{user.UserId}/delete_devices")).Is(400, "M_BAD_JSON");
        (await Root.PostAsync(path, new JsonObject { ["device_id"] = "" })).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Sessions_rooms_account_data_and_pushers_are_shown()
    {
        var user = await Server.RegistersAsync("shown");
        var room = await CreatesRoomAsync(user, "Shown");
        (await user.PutAsync(
            $"user/{user.UserId}/account_data/org.example", new JsonObject { ["a"] = 1 })).Is(200);
        (await user.PutAsync(
            $"user/{user.UserId}/rooms/{room}/account_data/org.example", new JsonObject { ["b"] = 2 })).Is(200);

        var sessions = (await Root.GetAsync($"{V1}whois/{user.UserId}")).Is(200).Json;
        Assert.That(
            (string?)sessions["devices"]![user.DeviceId]!["sessions"]![0]!["connections"]![0]!["ip"],
            Is.EqualTo("127.0.0.1"));
        Assert.That(
            (await Root.GetAsync($"{V1}users/{user.UserId}/joined_rooms")).Is(200).Text,
            Is.EqualTo($$"""{"joined_rooms":["{{room}}"],"total":1}"""));
        Assert.That(
            (await Root.GetAsync($"{V1}users/{user.UserId}/memberships")).Is(200).Text,
            Is.EqualTo($$$"""{"memberships":{"{{{room}}}":"join"}}"""));
        var data = (await Root.GetAsync($"{V1}users/{user.UserId}/accountdata")).Is(200).Json["account_data"]!;
        Assert.That(
            (data["global"]!["org.example"]!.ToJsonString(), data["rooms"]![room]!["org.example"]!.ToJsonString()),
            Is.EqualTo(("""{"a":1}""", """{"b":2}""")));
        Assert.That(
            (await Root.GetAsync($"{V1}users/{user.UserId}/pushers")).Is(200).Text,
            Is.EqualTo("""{"pushers":[],"total":0}"""));
    }

    [Test]
    public async Task A_free_name_is_available()
    {
        Assert.That(
            (bool)(await Root.GetAsync(V1 + "username_available?username=free")).Is(200).Json["available"]!, Is.True);
        (await Root.GetAsync(V1 + "username_available?username=alice")).Is(400, "M_USER_IN_USE");
        (await Root.GetAsync(V1 + "username_available")).Is(400, "M_MISSING_PARAM");
    }

    private Task<Reply> LogInAsync(string name, string password) => Server.Anyone.PostAsync("login", new JsonObject
    {
        ["type"] = "m.login.password",
        ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = name },
        ["password"] = password,
    });
}
