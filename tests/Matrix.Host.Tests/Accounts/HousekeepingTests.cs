using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

public sealed class HousekeepingTests
{
    [Test]
    public async Task A_token_that_expired_long_ago_is_forgotten_and_one_that_just_did_is_not()
    {
        await using var server = await TestServer.StartAsync(
            ("sessions.access_token_lifetime", "1h"), ("sessions.expired_tokens_kept", "1d"), ("cache.tokens", "16"));
        var alice = await server.RegistersAsync("alice");
        var login = await server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "alice",
            ["password"] = alice.Password,
            ["refresh_token"] = true,
        });
        var client = new TestClient(server, login.Is(200).Member("access_token"));

        server.Ahead = TimeSpan.FromHours(2);
        await server.Services.GetRequiredService<Housekeeping>().TidyAsync(CancellationToken.None);
        Assert.That(
            (bool?)(await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN").Json["soft_logout"],
            Is.True);

        server.Ahead = TimeSpan.FromHours(26);
        await server.Services.GetRequiredService<Housekeeping>().TidyAsync(CancellationToken.None);
        await server.RestartAsync();
        Assert.That(
            (bool?)(await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN").Json["soft_logout"],
            Is.False);
        (await alice.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task What_a_user_can_keep_is_bounded()
    {
        await using var server = await TestServer.StartAsync(
            ("limits.account_data", "2"),
            ("limits.filters", "1"),
            ("limits.devices", "2"));
        var alice = await server.RegistersAsync("alice");
        (await alice.PutAsync($"user/{alice.UserId}/account_data/a.a", new JsonObject { ["a"] = 1 })).Is(200);
        (await alice.PutAsync($"user/{alice.UserId}/account_data/a.b", new JsonObject { ["a"] = 1 })).Is(200);
        (await alice.PutAsync($"user/{alice.UserId}/account_data/a.b", new JsonObject { ["a"] = 1 })).Is(200);
        (await alice.PutAsync($"user/{alice.UserId}/account_data/a.c", new JsonObject { ["a"] = 1 }))
            .Is(403, "M_FORBIDDEN");

        (await alice.PostAsync($"user/{alice.UserId}/filter")).Is(200);
        (await alice.PostAsync($"user/{alice.UserId}/filter")).Is(200);
        (await alice.PostAsync($"user/{alice.UserId}/filter", new JsonObject { ["event_format"] = "client" }))
            .Is(403, "M_FORBIDDEN");

        var body = new JsonObject { ["type"] = "m.login.password", ["user"] = "alice", ["password"] = alice.Password };
        await alice.LogsInAsync();
        (await server.Anyone.PostAsync("login", body)).Is(403, "M_FORBIDDEN");
        await alice.LogsInAsync(alice.DeviceId);

        await server.RestartAsync(("limits.info_uri", "https://test.example/limits"));
        var again = await alice.LogsInAsync(alice.DeviceId);
        var login = await server.Anyone.PostAsync("login", body);
        var put = await again.PutAsync($"user/{alice.UserId}/account_data/a.c", new JsonObject { ["a"] = 1 });
        foreach (var refused in (Reply[])[login, put])
        {
            Assert.That(
                refused.Is(403, "M_USER_LIMIT_EXCEEDED").Member("info_uri"),
                Is.EqualTo("https://test.example/limits"));
        }
    }

    [Test]
    public async Task Filters_stored_at_once_do_not_exceed_the_limit_together()
    {
        await using var server = await TestServer.StartAsync(("limits.filters", "3"));
        var alice = await server.RegistersAsync("alice");
        var replies = await Task.WhenAll(Enumerable.Range(1, 40).Select(limit => alice.PostAsync(
            $"user/{alice.UserId}/filter",
            new JsonObject { ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = limit } } })));

        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(3));
    }
}
