using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>Acts that begin jobs, the pages of jobs, and new accounts.</summary>
public sealed class JobActionTests : AdminPageTests
{
    private JobList Jobs => Server.Services.GetRequiredService<JobList>();

    [Test]
    public async Task A_room_is_deleted_after_the_password_as_a_job_with_progress()
    {
        var room = await CreatesRoomAsync(Alice, "Deleted <b>");
        var act = $"room-delete?id={In(room)}";
        Server.Ahead = TimeSpan.FromMinutes(6);
        await Browser.SubmitsAsync(Pages + act, ("block", "yes"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        Assert.That(Browser.Page.Text, Does.Contain("Delete Deleted &lt;b&gt;?").And.Contain("name=\"password\""));
        (await Alice.GetAsync($"rooms/{room}/state/m.room.name/")).Is(200);

        var begun = await DoesAsync(act, ("block", "yes"), ("password", Root.Password));
        Assert.That(begun, Does.Contain("room.delete").And.Contain(room).And.Contain("http-equiv=\"refresh\""));
        var job = Browser.Page.Text;
        var id = await EndsAsync("room.delete", room);
        var ended = await ShowsAsync($"job?id={id}");
        Assert.That(ended, Does.Contain(">done</span>").And.Not.Contain("Cancel the job"), job);
        await Browser.OpensAsync(Pages + $"room?id={In(room)}");
        Assert.That(Browser.Page.Status, Is.EqualTo(404));
        Assert.That(await ShowsAsync($"jobs?q={In(room)}"), Does.Contain("room.delete").And.Contain(">done</span>"));
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.delete: done", "room.block: done" }));
    }

    [Test]
    public async Task Old_messages_are_purged_and_a_wrong_time_purges_nothing()
    {
        var room = await CreatesRoomAsync(Alice, "Purged");
        var first = await SendsAsync(Alice, room, "an old message");
        await SendsAsync(Alice, room, "the last one");
        var act = $"room-purge?id={In(room)}";
        Assert.That(await DoesAsync(act, ("until", "tomorrow")), Does.Contain("The time is missing or wrong."));
        Assert.That(
            await DoesAsync(act, ("until", "1999-01-01T00:00")), Does.Contain("The room has no event of that time"));
        (await Alice.GetAsync($"rooms/{room}/event/{first}")).Is(200);

        await DoesAsync(act, ("until", "2999-01-01T00:00"), ("local", "yes"));
        await EndsAsync(Matrix.Host.Rooms.Administration.HistoryPurge.Kind, room);
        (await Alice.GetAsync($"rooms/{room}/event/{first}")).Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.purge_history: done" }));
    }

    [Test]
    public async Task A_users_messages_are_redacted()
    {
        var user = await Server.RegistersAsync("redacted");
        var room = await CreatesRoomAsync(user, "Redacted");
        var eventId = await SendsAsync(user, room, "bad words");
        await DoesAsync($"user-redact?id={In(user.UserId)}", ("reason", "spam"));
        await EndsAsync("user.redact", user.UserId);
        var stored = (await user.GetAsync($"rooms/{room}/event/{eventId}")).Is(200).Json;
        Assert.That(stored["content"]!.AsObject(), Is.Empty);
        Assert.That(
            (string?)stored["unsigned"]!["redacted_because"]!["content"]!["reason"], Is.EqualTo("spam"));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "user.redact: done" }));
    }

    [Test]
    public async Task Jobs_are_paused_cancelled_and_go_on()
    {
        var room = await CreatesRoomAsync(Alice, "Paused");
        Assert.That(await DoesAsync("jobs-enable", ("value", "false")), Does.Contain("Jobs wait."));
        await DoesAsync($"room-delete?id={In(room)}");
        Assert.That(
            await DoesAsync($"room-delete?id={In(room)}"), Does.Contain("does this already."));
        var page = await ShowsAsync($"jobs?kind=open&q={In(room)}");
        Assert.That(page, Does.Contain("paused").And.Contain("waits"));
        var id = page.Split("job?id=")[1].Split('"')[0];
        Assert.That(await DoesAsync($"job-cancel?id={id}"), Does.Contain("The job is cancelled."));
        await Browser.OpensAsync(Pages + $"job-cancel?id={id}");
        Assert.That(Browser.Page.Status, Is.EqualTo(404));
        Assert.That(await DoesAsync("jobs-enable", ("value", "true")), Does.Contain("Jobs go on."));
        (await Alice.GetAsync($"rooms/{room}/state/m.room.name/")).Is(200);
        Assert.That(await AuditOfAsync(id), Is.EqualTo(new[] { "job.cancel: done" }));
    }

    [Test]
    public async Task An_account_is_created_and_no_other_account_is_changed()
    {
        var page = await DoesAsync(
            "user-create", ("name", "created"), ("shown", "New <i>One</i>"), ("new_password", "a password"));
        Assert.That(page, Does.Contain("The account is created.").And.Contain("New &lt;i&gt;One"));
        var login = await Server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "created" },
            ["password"] = "a password",
        });
        Assert.That(login.Status, Is.EqualTo(200));
        foreach (var name in new[] { "alice", "created", "@x:elsewhere.example", "Upper Case", "" })
        {
            await ShowsAsync("user-new");
            await Browser.SubmitsAsync(Pages + "user-create", ("name", name), ("new_password", "changed"));
            Assert.That(Browser.Page.Status, Is.EqualTo(400), name);
        }

        (await Alice.GetAsync("account/whoami")).Is(200);
        Assert.That((await Alice.LogsInAsync()).UserId, Is.EqualTo(Alice.UserId));
        Assert.That(await AuditOfAsync("@created:test.example"), Is.EqualTo(new[] { "user.create: done" }));
    }

    [Test]
    public async Task Addresses_of_an_account_are_shown()
    {
        var user = await Server.RegistersAsync("addressed");
        (await Root.PutAsync($"{V2}users/{user.UserId}", new JsonObject
        {
            ["threepids"] = new JsonArray(
                new JsonObject { ["medium"] = "email", ["address"] = "addressed@example.org" }),
        })).Is(200);
        Assert.That(await ShowsAsync($"user?id={In(user.UserId)}"), Does.Contain("addressed@example.org"));
    }

    /// <summary>Waits for the end of the newest job of a kind and subject; returns its id.</summary>
    private async Task<string> EndsAsync(string kind, string subject)
    {
        var job = (await Jobs.ListAsync(new(kind, subject), 1, default)).Single();
        await Jobs.WaitAsync(job.JobId, default);
        return job.JobId;
    }
}
