using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>The pages of the server as a whole: tokens, notices, the audit log, policy lists, other servers.</summary>
public sealed class ServerActionTests : AdminPageTests
{
    [Test]
    public async Task Tokens_are_made_with_limits_and_deleted()
    {
        var page = await DoesAsync(
            "token-create", ("token", "wanted-token"), ("uses", "3"), ("ends", "2999-01-01T12:00"));
        Assert.That(page, Does.Contain("wanted-token").And.Contain("0 of 3").And.Contain("2999-01-01 12:00"));
        Assert.That(await DoesAsync("token-create"), Does.Contain("The token is "));
        foreach (var (name, value) in new[]
        {
            ("token", "a b"), ("uses", "0"), ("uses", "x"), ("ends", "2001-01-01T12:00"), ("ends", "soon"),
            ("token", "wanted-token"),
        })
        {
            await Browser.SubmitsAsync(Pages + "token-create", (name, value));
            Assert.That(Browser.Page.Status, Is.EqualTo(400), $"{name}={value}");
        }

        Assert.That(await DoesAsync("token-delete?token=wanted-token"), Does.Contain("The token is deleted."));
        Assert.That(await ShowsAsync("tokens"), Does.Not.Contain("wanted-token"));
        Assert.That(await AuditOfAsync("want…"), Is.EqualTo(new[] { "token.delete: done", "token.create: done" }));
    }

    [Test]
    public async Task A_notice_is_sent_and_a_wrong_one_keeps_its_text()
    {
        var user = await Server.RegistersAsync("noticed");
        await Browser.SubmitsAsync(Pages + "notice-send", ("user", "@nobody:test.example"), ("text", "<u>keep</u>"));
        Assert.That(Browser.Page.Status, Is.EqualTo(400));
        Assert.That(Browser.Page.Text, Does.Contain("&lt;u&gt;keep&lt;/u&gt;"));
        await DoesAsync("notice-send", ("user", "noticed"), ("text", "Maintenance at noon"));
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[] { "notice.send: done" }));
        var sync = (await user.GetAsync("sync")).Is(200).Text;
        Assert.That(sync, Does.Contain("invite"));
    }

    [Test]
    public async Task The_audit_log_is_searched_and_read_in_pages()
    {
        for (var i = 0; i < 52; i++)
        {
            await Browser.SubmitsAsync(Pages + "room-block", ("id", "!paged:test.example"), ("value", "true"));
        }

        var first = await ShowsAsync("audit?target=!paged:test.example&action=room.block");
        Assert.That(first, Does.Contain("52 entries"));
        var older = System.Net.WebUtility.HtmlDecode(first.Split("rel=\"next\" href=\"")[1].Split('"')[0]);
        var rows = (await ShowsAsync(older)).Split("<code>room.block").Length - 1;
        Assert.That(rows, Is.EqualTo(2));
        Assert.That(await ShowsAsync("audit?who=nobody"), Does.Contain("No entry."));
    }

    [Test]
    public async Task Policy_lists_and_what_they_say_are_shown()
    {
        Assert.That(await ShowsAsync("policies"), Does.Contain("This server follows no list."));
        var room = await CreatesRoomAsync(Alice, "The list");
        (await Alice.PutAsync($"rooms/{room}/state/m.policy.rule.user/spam", new JsonObject
        {
            ["entity"] = "@spam*:*",
            ["reason"] = "<em>spam</em>",
            ["recommendation"] = "m.ban",
        })).Is(200);
        await Server.RestartAsync(("policy_lists.rooms", room));
        Browser.Cookie = (await SignsInAsync(Root)).Cookie;
        var page = await ShowsAsync("policies");
        Assert.That(page, Does.Contain("The list").And.Contain("@spam*:*").And.Contain("&lt;em&gt;spam"));
        Assert.That(await ShowsAsync("policies?kind=servers"), Does.Contain("No rule."));
    }

    [Test]
    public async Task Servers_that_do_not_answer_are_shown()
    {
        Assert.That(await ShowsAsync("servers"), Does.Contain("Nothing waits for any server"));
        Assert.That(
            await DoesNotAsync("server-retry", ("name", "nowhere.example")),
            Does.Contain("The server is not waiting for a new attempt."));
    }

    private async Task<string> DoesNotAsync(string act, params (string Name, string Value)[] fields)
    {
        await Browser.SubmitsAsync(Pages + act, fields);
        return (await Browser.OpensAsync(Pages + Browser.Location)).Text;
    }
}
