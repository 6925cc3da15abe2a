using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Moderation;

/// <summary>Account locking.</summary>
internal sealed class LockTests : ModerationTests
{
    [Test]
    public async Task A_locked_user_gets_soft_logouts_from_everything_but_logging_out()
    {
        var user = await SomeoneAsync();
        (await user.GetAsync("account/whoami")).Is(200);
        Assert.That((await LocksAsync(user.UserId)).Is(200).Text, Is.EqualTo("""{"locked":true}"""));

        var replies = new[]
        {
            await user.GetAsync("account/whoami"),
            await user.GetAsync("sync"),
            await user.GetAsync("/_matrix/client/versions"),
            await user.GetAsync("publicRooms"),
            await user.GetAsync($"profile/{Esc(user.UserId)}"),
            await user.PostAsync("createRoom"),
            await user.PostAsync("account/deactivate"),
            await user.PostAsync("keys/query", new JsonObject { ["device_keys"] = new JsonObject() }),
        };
        foreach (var reply in replies)
        {
            Assert.That((bool)reply.Is(401, "M_USER_LOCKED").Json["soft_logout"]!, Is.True);
        }

        (await user.PostAsync("logout")).Is(200);
        (await LocksAsync(user.UserId, false)).Is(200);
        (await user.GetAsync("sync")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task All_devices_of_a_locked_user_can_be_logged_out()
    {
        var user = await SomeoneAsync();
        var other = await user.LogsInAsync();
        (await LocksAsync(user.UserId)).Is(200);

        (await user.PostAsync("logout/all")).Is(200);

        (await other.GetAsync("sync")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task An_unlocked_user_goes_on_with_the_same_token_and_a_restart_changes_nothing()
    {
        var user = await SomeoneAsync();
        (await LocksAsync(user.UserId)).Is(200);
        await Server.RestartAsync();
        (await user.GetAsync("sync")).Is(401, "M_USER_LOCKED");
        Assert.That((bool)(await Admin.GetAsync(LockPath(user.UserId))).Is(200).Json["locked"]!, Is.True);

        Assert.That((bool)(await LocksAsync(user.UserId, false)).Is(200).Json["locked"]!, Is.False);

        (await user.GetAsync("sync")).Is(200);
        Assert.That((bool)(await Admin.GetAsync(LockPath(user.UserId))).Is(200).Json["locked"]!, Is.False);
    }

    [Test]
    public async Task A_locked_user_neither_logs_in_nor_refreshes_nor_proves_themselves_until_they_are_unlocked()
    {
        var user = await SomeoneAsync();
        var login = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = user.UserId },
            ["password"] = user.Password,
            ["refresh_token"] = true,
        };
        var refresh = new JsonObject
        {
            ["refresh_token"] = (await Server.Anyone.PostAsync("login", login.DeepClone())).Is(200)
                .Member("refresh_token"),
        };
        (await LocksAsync(user.UserId)).Is(200);

        var refused = (await Server.Anyone.PostAsync("login", login.DeepClone())).Is(401, "M_USER_LOCKED");
        Assert.That((bool)refused.Json["soft_logout"]!, Is.True);
        (await Server.Anyone.PostAsync("refresh", refresh.DeepClone())).Is(401, "M_USER_LOCKED");
        (await Server.Anyone.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = "another-password",
            ["auth"] = user.PasswordAuth(),
        })).Is(401, "M_USER_LOCKED");
        (await Server.Anyone.PostAsync(
            "account/deactivate", new JsonObject { ["auth"] = user.PasswordAuth() })).Is(401, "M_USER_LOCKED");

        // A wrong password says nothing of the account.
        login["password"] = "wrong";
        (await Server.Anyone.PostAsync("login", login.DeepClone())).Is(403, "M_FORBIDDEN");

        (await LocksAsync(user.UserId, false)).Is(200);
        (await Server.Anyone.PostAsync("refresh", refresh.DeepClone())).Is(200);
        await user.LogsInAsync();
    }

    [TestCase("lock")]
    [TestCase("suspend")]
    public async Task Refusals_to_moderate_a_user_have_the_codes_of_the_specification(string what)
    {
        var user = await SomeoneAsync();
        var other = await SomeoneAsync();
        var gone = await SomeoneAsync();
        (await gone.PostAsync("account/deactivate", new JsonObject { ["auth"] = gone.PasswordAuth() })).Is(200);
        var second = await SomeoneAsync();
        await MakesAdminAsync(second);
        string Path(string userId) => $"/_matrix/client/v1/admin/{what}/{Esc(userId)}";
        var body = new JsonObject { [what == "lock" ? "locked" : "suspended"] = true };

        foreach (var (target, status, errcode) in new[]
        {
            ("@someone:other.example", 400, "M_INVALID_PARAM"),
            ("@nobody:test.example", 404, "M_NOT_FOUND"),
            (gone.UserId, 404, "M_NOT_FOUND"),
            (second.UserId, 403, "M_FORBIDDEN"),
        })
        {
            (await Admin.GetAsync(Path(target))).Is(status, errcode);
            (await Admin.PutAsync(Path(target), body.DeepClone())).Is(status, errcode);

            // Nobody else learns which users there are.
            (await user.GetAsync(Path(target))).Is(403, "M_FORBIDDEN");
            (await user.PutAsync(Path(target), body.DeepClone())).Is(403, "M_FORBIDDEN");
        }

        (await Admin.GetAsync(Path(Admin.UserId))).Is(200);
        (await Admin.PutAsync(Path(Admin.UserId), body.DeepClone())).Is(403, "M_FORBIDDEN");
        (await user.PutAsync(Path(other.UserId), body.DeepClone())).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync(Path(other.UserId))).Is(401, "M_MISSING_TOKEN");
        (await Admin.PutAsync(Path(other.UserId))).Is(400, "M_BAD_JSON");
        (await Admin.PutAsync(Path(other.UserId), new JsonObject { ["locked"] = 1, ["suspended"] = 1 }))
            .Is(400, "M_BAD_JSON");
        (await Admin.PutAsync(Path("nonsense"), body.DeepClone())).Is(400, "M_INVALID_PARAM");
        (await second.GetAsync("account/whoami")).Is(200);
        (await other.PostAsync("createRoom")).Is(200);
    }

    [Test]
    public async Task Only_administrators_have_the_capability()
    {
        var user = await SomeoneAsync();
        var of = (await Admin.GetAsync("capabilities")).Is(200).Json["capabilities"]!["m.account_moderation"]!;

        Assert.That(((bool)of["lock"]!, (bool)of["suspend"]!), Is.EqualTo((true, true)));
        Assert.That(
            (await user.GetAsync("capabilities")).Is(200).Json["capabilities"]!["m.account_moderation"], Is.Null);
    }
}
