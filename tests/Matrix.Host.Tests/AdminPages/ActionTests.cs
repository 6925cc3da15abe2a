using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>What the pages show, and what their forms do. Each act is in the audit log.</summary>
public sealed class ActionTests : AdminPageTests
{
    [Test]
    public async Task The_overview_has_the_figures()
    {
        await SendsAsync(Alice, await CreatesRoomAsync(Alice, "Figures"), "hello");
        var page = await ShowsAsync("overview");
        foreach (var figure in new[]
        {
            "Users", "Rooms", "Sent events", "Syncing clients", "Memory", "Database", "Queue to other servers",
            "Errors",
        })
        {
            Assert.That(page, Does.Contain($"<dt>{figure}</dt>"));
        }

        Assert.That(page, Does.Contain("SQLite 3").And.Contain("http-equiv=\"refresh\"").And.Contain("<svg"));
    }

    [Test]
    public async Task Users_are_listed_searched_sorted_and_read_in_pages()
    {
        for (var i = 0; i < 55; i++) await Server.RegistersAsync($"many{i:00}");
        var first = await ShowsAsync("users?q=many");
        Assert.That(first, Does.Contain("1–50 of 55").And.Contain("@many00:").And.Not.Contain("@many50:"));
        Assert.That(await ShowsAsync("users?q=many&from=50"), Does.Contain("51–55 of 55").And.Contain("@many50:"));
        Assert.That(
            await ShowsAsync("users?q=many&order=name&dir=b"),
            Does.Contain("@many54:").And.Not.Contain("@many00:").And.Contain("aria-sort=\"descending\""));
        Assert.That(await ShowsAsync("users?kind=admins"), Does.Contain("@root:").And.Not.Contain("@many00:"));
        Assert.That(await ShowsAsync("users?q=@many07:"), Does.Contain("@many07:").And.Not.Contain("@many08:"));
        Assert.That(await ShowsAsync("users?q=nobody-at-all"), Does.Contain("No account matches."));
        Assert.That(await ShowsAsync("users?from=99999999999999999999&order=x&dir=x"), Does.Contain("@root:"));
    }

    [Test]
    public async Task A_user_is_locked_suspended_and_released()
    {
        var user = await Server.RegistersAsync("moderated");
        var page = await DoesAsync("user-lock", ("id", user.UserId), ("value", "true"));
        Assert.That(page, Does.Contain("The account is locked.").And.Contain("Unlock"));
        (await user.GetAsync("account/whoami")).Is(401, "M_USER_LOCKED");
        await DoesAsync("user-lock", ("id", user.UserId), ("value", "false"));
        (await user.GetAsync("account/whoami")).Is(200);
        await DoesAsync("user-suspend", ("id", user.UserId), ("value", "true"));
        (await user.PostAsync("createRoom")).Is(403, "M_USER_SUSPENDED");
        await DoesAsync("user-suspend", ("id", user.UserId), ("value", "false"));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[]
        {
            "user.unsuspend: done", "user.suspend: done", "user.unlock: done", "user.lock: done",
        }));
        Assert.That(await ShowsAsync($"user?id={In(user.UserId)}"), Does.Not.Contain("The account"));
    }

    [Test]
    public async Task An_act_that_fails_says_why()
    {
        await Browser.SubmitsAsync(Pages + "user-lock", ("id", "@nobody:test.example"), ("value", "true"));
        await Browser.OpensAsync(Pages + Browser.Location);
        Assert.That(Browser.Page.Status, Is.EqualTo(404));
        Assert.That(Browser.Page.Text, Does.Contain("There is no such user."));
        Assert.That(
            await DoesAsync("user-lock", ("id", Root.UserId), ("value", "true")),
            Does.Contain("You cannot lock or suspend your own account."));
    }

    [Test]
    public async Task A_password_is_set_the_right_is_given_a_device_is_logged_out_and_an_account_ends()
    {
        var user = await Server.RegistersAsync("changed");
        var id = In(user.UserId);
        Assert.That(await ShowsAsync($"user-devices?id={id}"), Does.Contain(user.DeviceId));
        var second = await user.LogsInAsync("SECOND");
        await DoesAsync($"device-delete?id={id}&device=SECOND");
        (await second.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await user.GetAsync("account/whoami")).Is(200);

        await DoesAsync($"user-admin?id={id}", ("value", "true"));
        Assert.That((await user.GetAsync(V1 + "audit_log")).Status, Is.EqualTo(200));
        await DoesAsync($"user-admin?id={id}", ("value", "false"));
        (await user.GetAsync(V1 + "audit_log")).Is(403, "M_FORBIDDEN");

        await DoesAsync($"user-password?id={id}", ("new_password", "of the administrator"), ("log_out", "yes"));
        (await user.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That(
            await DoesAsync($"user-password?id={id}", ("new_password", "")), Does.Contain("A password has 1 to"));

        var ended = await DoesAsync($"user-deactivate?id={id}", ("erase", "yes"));
        Assert.That(ended, Does.Contain("erased").And.Not.Contain("Set a password"));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[]
        {
            "user.erase: done", "user.password: done", "user.unmake_admin: done", "user.make_admin: done",
        }));
        Assert.That(await AuditOfAsync($"{user.UserId} SECOND"), Is.EqualTo(new[] { "device.delete: done" }));
    }

    [Test]
    public async Task A_room_is_shown_with_members_state_and_graph()
    {
        var room = await CreatesRoomAsync(Alice, "Garden of <b>Eden</b>");
        var eventId = await SendsAsync(Alice, room, "a message");
        var id = In(room);
        Assert.That(
            await ShowsAsync("rooms?q=garden"), Does.Contain("Garden of &lt;b&gt;Eden").And.Not.Contain("<b>Eden"));
        Assert.That(await ShowsAsync("rooms?order=members&dir=b"), Does.Contain("aria-sort=\"descending\""));
        var details = await ShowsAsync($"room?id={id}");
        Assert.That(details, Does.Contain(room).And.Contain(Alice.UserId).And.Contain("Garden of &lt;b&gt;"));
        Assert.That(await ShowsAsync($"room-members?id={id}"), Does.Contain(Alice.UserId));
        Assert.That(
            await ShowsAsync($"room-state?id={id}&q=power"),
            Does.Contain("m.room.power_levels").And.Not.Contain("m.room.create"));
        var graph = await ShowsAsync($"room-graph?id={id}");
        Assert.That(graph, Does.Contain("1 forward extremities, 0 forks").And.Contain("m.room.message"));
        Assert.That(
            graph.Split("<circle class=\"state\"").Length, Is.EqualTo(graph.Split(">state</span>").Length));
        Assert.That(graph, Does.Contain("class=\"newest\"").And.Contain(">extremity</span>"));

        Assert.That(await ShowsAsync($"room-event?id={id}&event={In(eventId)}"), Does.Contain("a message"));
        Assert.That(await AuditOfAsync($"{room} {eventId}"), Is.EqualTo(new[] { "event.read: done" }));
        Assert.That(await ShowsAsync($"user-rooms?id={In(Alice.UserId)}"), Does.Contain("Garden of &lt;b&gt;"));
    }

    [Test]
    public async Task A_room_is_blocked_gets_an_administrator_and_loses_an_alias()
    {
        var room = await CreatesRoomAsync(Alice, "Acted");
        var (id, helper) = (In(room), await Server.RegistersAsync("helper"));
        (await Alice.PutAsync("directory/room/%23acted:test.example", new JsonObject { ["room_id"] = room })).Is(200);
        Assert.That(
            await DoesAsync("room-block", ("id", room), ("value", "true")), Does.Contain("The room is blocked."));
        (await helper.PostAsync($"join/{room}")).Is(403, "M_FORBIDDEN");
        await DoesAsync("room-block", ("id", room), ("value", "false"));
        (await helper.PostAsync($"join/{room}")).Is(200);

        await DoesAsync($"room-admin?id={id}", ("user", helper.UserId));
        var levels = (await helper.GetAsync($"rooms/{room}/state/m.room.power_levels")).Is(200).Json;
        Assert.That(levels["users"]!.AsObject().ContainsKey(helper.UserId));

        Assert.That(await ShowsAsync($"room?id={id}"), Does.Contain("#acted:test.example"));
        await DoesAsync("alias-delete?alias=%23acted:test.example");
        (await Alice.GetAsync("directory/room/%23acted:test.example")).Is(404, "M_NOT_FOUND");
        Assert.That(
            await AuditOfAsync(room), Is.EqualTo(new[] { "room.unblock: done", "room.block: done" }));
        Assert.That(
            await AuditOfAsync($"{room} {helper.UserId}"), Is.EqualTo(new[] { "room.make_admin: done" }));
        Assert.That(await AuditOfAsync("#acted:test.example"), Is.EqualTo(new[] { "room.delete_alias: done" }));
    }

    [Test]
    public async Task Media_is_listed_quarantined_released_and_deleted()
    {
        var user = await Server.RegistersAsync("uploader");
        var uri = await UploadsAsync(user, "text/plain", "<i>notes</i>.txt", "some text");
        var id = In(user.UserId);
        Assert.That(await ShowsAsync("media?q=uploader"), Does.Contain(user.UserId));
        Assert.That(
            await ShowsAsync($"user-media?id={id}"),
            Does.Contain("&lt;i&gt;notes&lt;/i&gt;.txt").And.Not.Contain("<i>notes"));
        Assert.That(await DoesAsync("media-quarantine", ("uri", uri)), Does.Contain("in quarantine"));
        var path = "/_matrix/client/v1/media/download/" + uri["mxc://".Length..];
        Assert.That((await user.GetAsync(path)).Status, Is.Not.EqualTo(200));
        await DoesAsync("media-release", ("uri", uri));
        Assert.That((await user.GetAsync(path)).Status, Is.EqualTo(200));
        Assert.That(
            await DoesAsync($"user-media-quarantine?id={id}"), Does.Contain("Contents in quarantine now: 1."));
        await DoesAsync($"media-delete?uri={In(uri)}");
        Assert.That(await ShowsAsync($"user-media?id={id}"), Does.Contain("No uploads."));
        Assert.That(
            await AuditOfAsync(uri),
            Is.EqualTo(new[] { "media.delete: done", "media.release: done", "media.quarantine: done" }));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "media.quarantine_of_user: done" }));
    }

    [Test]
    public async Task Reports_of_all_kinds_are_shown_as_text_and_deleted()
    {
        var room = await CreatesRoomAsync(Alice, "Reported");
        var eventId = await SendsAsync(Alice, room, "bad words");
        var reason = new JsonObject { ["reason"] = "<script>alert(1)</script>" };
        (await Alice.PostAsync($"rooms/{room}/report/{eventId}", reason.DeepClone())).Is(200);
        (await Alice.PostAsync($"rooms/{room}/report", new JsonObject { ["reason"] = "the room" })).Is(200);
        (await Alice.PostAsync($"users/{Root.UserId}/report", new JsonObject { ["reason"] = "the user" })).Is(200);

        var list = await ShowsAsync("reports");
        Assert.That(list, Does.Contain("&lt;script&gt;alert(1)").And.Contain("the room").And.Contain("the user"));
        Assert.That(list, Does.Not.Contain("<script"));
        var events = await ShowsAsync("reports?kind=events");
        Assert.That(events, Does.Not.Contain("the room"));
        var id = events.Split("report?id=")[1].Split('"')[0];
        Assert.That(
            await ShowsAsync($"report?id={id}"), Does.Contain("&quot;bad words&quot;").And.Not.Contain("<script"));
        await DoesAsync($"report-delete?id={id}");
        await Browser.OpensAsync(Pages + $"report?id={id}");
        Assert.That(Browser.Page.Status, Is.EqualTo(404));
        Assert.That(await AuditOfAsync(id), Is.EqualTo(new[] { "report.delete: done" }));
    }

    [Test]
    public async Task A_display_name_is_shown_as_text()
    {
        var user = await Server.RegistersAsync("markup");
        (await user.PutAsync(
            $"profile/{user.UserId}/displayname",
            new JsonObject { ["displayname"] = "<img src=x onerror=alert(1)>\"'" })).Is(200);
        foreach (var page in new[] { "users?q=markup", $"user?id={user.UserId}" })
        {
            Assert.That(
                await ShowsAsync(page),
                Does.Contain("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;").And.Not.Contain("<img"));
        }
    }

    [Test]
    public async Task What_does_not_exist_is_not_found()
    {
        foreach (var page in new[]
        {
            "user?id=@nobody:test.example", "user?id=", "user?id=@x:elsewhere.example",
            "user-devices?id=@nobody:test.example", "room?id=!none", "room-members?id=", "room-state?id=!none",
            "room-graph?id=!none", "room-event?id=!none&event=$e", "file?uri=mxc://test.example/none", "file?uri=x",
            "report?id=99999", "report?id=x", "server?name=nowhere.example", "user-deactivate?id=@nobody:test.example",
            "media-delete?uri=x", "token-delete?token=none", "alias-delete?alias=%23none:test.example",
            "device-delete?id=@nobody:test.example&device=D", "report-delete?id=99999", "job?id=none",
            "job-cancel?id=none", "room-delete?id=!none", "room-purge?id=!none",
        })
        {
            Assert.That((await Browser.OpensAsync(Pages + page)).Status, Is.EqualTo(404), page);
        }
    }
}
