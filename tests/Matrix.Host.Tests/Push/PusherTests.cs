using System.Text.Json.Nodes;
using Matrix.Host.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Push;

/// <summary>Setting pushers. Client-Server API, "Push Notifications".</summary>
internal sealed class PusherTests(string databaseKind) : PushedTests(databaseKind)
{
    private static async Task<string[]> KeysAsync(TestUser user) =>
    [
        .. (await user.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray()
            .Select(pusher => (string)pusher!["pushkey"]!),
    ];

    [Test]
    public async Task A_pusher_is_shown_changed_and_deleted()
    {
        var pusher = Gateway.Pusher();
        pusher["profile_tag"] = "tag";
        pusher["lang"] = "de";
        (await Bob.PostAsync("pushers/set", pusher)).Is(200);

        var shown = (await Bob.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray().Single()!;
        Assert.That(JsonNode.DeepEquals(shown, pusher), shown.ToJsonString());
        Assert.That(await KeysAsync(Alice), Is.Empty);

        var delete = new JsonObject { ["kind"] = null, ["app_id"] = "org.example.app", ["pushkey"] = "key" };
        (await Alice.PostAsync("pushers/set", delete.DeepClone())).Is(200);
        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key" }), "another user's");
        (await Bob.PostAsync("pushers/set", delete.DeepClone())).Is(200);
        (await Bob.PostAsync("pushers/set", delete)).Is(200);
        Assert.That(await KeysAsync(Bob), Is.Empty);
    }

    [Test]
    public async Task A_pushkey_moves_to_the_user_who_sets_it_unless_it_is_appended()
    {
        var appended = Gateway.Pusher();
        appended["append"] = true;
        (await Alice.PostAsync("pushers/set", appended)).Is(200);
        Assert.That((await KeysAsync(Alice), await KeysAsync(Bob)), Is.EqualTo((new[] { "key" }, new[] { "key" })));

        (await Alice.PostAsync("pushers/set", Gateway.Pusher(appId: "another.app"))).Is(200);
        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key" }), "of another app");
        await Gateway.SetAsync(Alice);
        Assert.That(await KeysAsync(Bob), Is.Empty);
    }

    [Test]
    public async Task A_pusher_ends_with_its_device()
    {
        var phone = await Bob.LogsInAsync();
        await Gateway.SetAsync(phone, "phone");
        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key", "phone" }));

        (await phone.PostAsync("logout")).Is(200);
        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key" }));

        var tablet = await Bob.LogsInAsync();
        await Gateway.SetAsync(tablet, "tablet");
        (await Bob.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = "another-password",
            ["auth"] = Bob.PasswordAuth(),
        })).Is(200);
        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key" }), "the other devices ended");

        var sent = await Alice.SaysAsync(Room, "hello");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));
        var next = await Alice.SaysAsync(Room, "again");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(next), "one pusher is left");
    }

    [TestCase("kind", null, "M_MISSING_PARAM")]
    [TestCase("app_id", null, "M_MISSING_PARAM")]
    [TestCase("pushkey", null, "M_MISSING_PARAM")]
    [TestCase("app_display_name", null, "M_MISSING_PARAM")]
    [TestCase("device_display_name", null, "M_MISSING_PARAM")]
    [TestCase("lang", null, "M_MISSING_PARAM")]
    [TestCase("data", null, "M_MISSING_PARAM")]
    [TestCase("data", "{}", "M_MISSING_PARAM")]
    [TestCase("kind", "1", "M_BAD_JSON")]
    [TestCase("kind", "\"smoke\"", "M_INVALID_PARAM")]
    [TestCase("app_id", "[]", "M_BAD_JSON")]
    [TestCase("app_id", "\"m.email\"", "M_INVALID_PARAM")]
    [TestCase("pushkey", "null", "M_BAD_JSON")]
    [TestCase("lang", "7", "M_BAD_JSON")]
    [TestCase("profile_tag", "{}", "M_BAD_JSON")]
    [TestCase("append", "\"yes\"", "M_BAD_JSON")]
    [TestCase("data", "\"x\"", "M_BAD_JSON")]
    [TestCase("data", """{"url":5}""", "M_BAD_JSON")]
    [TestCase("data", """{"url":"http://example.org/_matrix/push/v1/notify"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"https://xn--ü.com/_matrix/push/v1/notify"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"https://example.org/_matrix/push/v1/notify/x"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"https://example.org/_matrix/push/v1/notify?q"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"https://u:p@example.org/_matrix/push/v1/notify"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"/_matrix/push/v1/notify"}""", "M_INVALID_PARAM")]
    [TestCase("data", """{"url":"https://example.org/_matrix/push/v1/notify","format":"x"}""", "M_INVALID_PARAM")]
    public async Task A_wrong_member_is_refused(string member, string? value, string code)
    {
        var pusher = Gateway.Pusher("wrong");
        pusher.Remove(member);
        if (value is not null) pusher[member] = JsonNode.Parse(value);

        (await Bob.PostAsync("pushers/set", pusher)).Is(400, code);

        Assert.That(await KeysAsync(Bob), Is.EqualTo(new[] { "key" }));
    }

    [Test]
    public async Task Long_values_many_pushers_and_strangers_are_refused()
    {
        (await Bob.PostAsync("pushers/set", Gateway.Pusher(new string('é', 257)))).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync("pushers/set", Gateway.Pusher(appId: new string('a', 65)))).Is(400, "M_INVALID_PARAM");
        (await Server.Anyone.GetAsync("pushers")).Is(401, "M_MISSING_TOKEN");
        (await Server.Anyone.PostAsync("pushers/set", Gateway.Pusher())).Is(401, "M_MISSING_TOKEN");

        await Server.RestartAsync(("limits.pushers", "2"));
        await Gateway.SetAsync(Bob, "second");
        (await Bob.PostAsync("pushers/set", Gateway.Pusher("third"))).Is(403, "M_FORBIDDEN");
        await Gateway.SetAsync(Bob, "second");
    }

    [Test]
    public async Task A_pusher_of_a_session_that_ends_meanwhile_is_refused_as_one_of_an_unknown_token()
    {
        Task<Reply> set;
        using (await Server.Services.GetRequiredService<UserLocks>().TakeAsync(Bob.UserId, default))
        {
            set = Bob.PostAsync("pushers/set", Gateway.Pusher("late"));
            await Task.Delay(300);
            (await Bob.PostAsync("logout")).Is(200);
        }

        (await set).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_gateway_in_a_private_network_is_not_reached_unless_it_is_allowed()
    {
        await Server.RestartAsync(("push.allow_networks", "10.99.0.0/16"));
        var sent = await Alice.SaysAsync(Room, "hello");
        while (!Server.Log.Contains("did not take a push", StringComparison.Ordinal)) await Task.Yield();
        Assert.That(Server.Log, Does.Contain("is in a network that is not allowed").And.Not.Contain("pushkey"));

        await Server.RestartAsync(("push.allow_networks", "127.0.0.0/8"));
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent), "the first request that came");
    }
}
