using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Admin;

/// <summary>
/// Calls of synadm, Draupnir and Synapse Admin: spaces, extremities, suspension, identities, profiles.
/// </summary>
public sealed class ToolCallTests : AdminTests
{
    [Test]
    public async Task An_administrator_sees_the_whole_space_page_by_page()
    {
        var space = (await Alice.PostAsync("createRoom", new JsonObject
        {
            ["name"] = "Space",
            ["preset"] = "private_chat",
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        })).Is(200).Member("room_id");
        var child = await CreatesRoomAsync(Alice, "Child", "private_chat");
        foreach (var room in (string[])[child, "!elsewhere:other.example"])
        {
            (await Alice.PutAsync(
                $"rooms/{space}/state/m.space.child/{room}",
                new JsonObject { ["via"] = new JsonArray("test.example") })).Is(200);
        }

        var path = $"{V1}rooms/{space}/hierarchy";
        var first = (await Root.GetAsync(path + "?limit=1")).Is(200).Json;
        var second = (await Root.GetAsync($"{path}?limit=1&from={first["next_batch"]}")).Is(200).Json;
        Assert.That(
            ((string?)first["rooms"]![0]!["room_type"], first["rooms"]![0]!["children_state"]!.AsArray().Count),
            Is.EqualTo(("m.space", 2)));
        Assert.That((string?)second["rooms"]!.AsArray().Single()!["room_id"], Is.EqualTo(child));
        Assert.That(second["next_batch"], Is.Null, "the server is not in the other room, and asks nobody");
        var root = (await Root.GetAsync(path + "?max_depth=0")).Is(200).Json["rooms"]!;
        Assert.That((string?)root.AsArray().Single()!["room_id"], Is.EqualTo(space));
        (await Root.GetAsync($"/_matrix/client/v1/rooms/{space}/hierarchy")).Is(403, "M_FORBIDDEN");
        (await Root.GetAsync($"{V1}rooms/!none:test.example/hierarchy")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync(path + "?max_depth=x")).Is(400, "M_INVALID_PARAM");
        (await Root.GetAsync(path + "?from=x")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_only_extremity_of_a_room_stays()
    {
        var room = await CreatesRoomAsync(Alice, "Straight");
        (await Alice.PutAsync("directory/room/%23straight:test.example", new JsonObject { ["room_id"] = room }))
            .Is(200);
        var path = $"{V1}rooms/%23straight:test.example/forward_extremities";
        var before = (await Root.GetAsync(path)).Is(200);
        Assert.That(Names(before.Json["results"]![0]), Is.EqualTo(
            new[] { "event_id", "state_group", "depth", "received_ts" }));
        Assert.That((await Root.DeleteAsync(path)).Is(200).Text, Is.EqualTo("""{"deleted":0}"""));
        Assert.That((await Root.GetAsync(path)).Text, Is.EqualTo(before.Text));
        (await Root.DeleteAsync($"{V1}rooms/!none:test.example/forward_extremities")).Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.merge_extremities: done" }));
    }

    [Test]
    public async Task Accounts_are_suspended_and_locked_as_tools_ask_for_it()
    {
        var user = await Server.RegistersAsync("restricted");
        var suspend = $"{V1}suspend/{user.UserId}";
        var suspended = (await Root.PutAsync(suspend, new JsonObject { ["suspend"] = true })).Is(200).Json;
        Assert.That((bool)suspended[$"user_{user.UserId}_suspended"]!);
        (await user.PostAsync("createRoom", new JsonObject())).Is(403, "M_USER_SUSPENDED");
        (await Root.PutAsync(suspend, new JsonObject { ["suspend"] = false })).Is(200);
        (await user.PostAsync("createRoom", new JsonObject())).Is(200);

        var locking = $"{V1}lock/{user.UserId}";
        (await Root.PutAsync(locking, new JsonObject { ["lock"] = true })).Is(200);
        (await user.PostAsync("createRoom", new JsonObject())).Is(401, "M_USER_LOCKED");
        (await Root.PutAsync(locking, new JsonObject { ["lock"] = false })).Is(200);
        (await user.PostAsync("createRoom", new JsonObject())).Is(200);

        (await Root.PutAsync(suspend, new JsonObject { ["suspend"] = 1 })).Is(400, "M_BAD_JSON");
        (await Root.PutAsync($"{V1}suspend/{Root.UserId}", new JsonObject { ["suspend"] = true }))
            .Is(403, "M_FORBIDDEN");
        (await Root.PutAsync($"{V1}lock/@nobody:test.example", new JsonObject { ["lock"] = true }))
            .Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(user.UserId), Is.EqualTo(new[]
        {
            "user.unlock: done", "user.lock: done", "user.unsuspend: done", "user.suspend: done",
        }));
    }

    [Test]
    public async Task A_user_is_found_by_their_identity_at_a_provider()
    {
        await using var server = await TestServer.StartAsync();
        var user = await server.RegistersAsync("known");
        var provider = new SsoProvider("work", "Work", "https://id.work.example", "client");
        var change = Batches.New(2)
            .Require(new SsoIdentityLinked(provider.Issuer, "7 seven", user.UserId))
            .Require(new SsoIdentityLinked("https://former.example", "old", user.UserId));
        await server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(change, CancellationToken.None);
        server.Replaces = services => services.AddSingleton(new SsoOptions { Providers = [provider] });
        await server.RestartAsync();

        Assert.That(
            await server.OperatorGetsAsync(HttpMethod.Get, $"{V1}auth_providers/work/users/7%20seven"),
            Is.EqualTo((200, $$"""{"user_id":"{{user.UserId}}"}""")));
        foreach (var other in (string[])["work/users/8", "other/users/7%20seven"])
        {
            var answer = await server.OperatorAsync(HttpMethod.Get, $"auth_providers/{other}");
            Assert.That(answer.Status, Is.EqualTo(404));
        }

        var (_, details) = await server.OperatorGetsAsync(HttpMethod.Get, $"{V2}users/{user.UserId}");
        Assert.That(
            JsonNode.Parse(details)!["external_ids"]!.AsArray()
                .Select(each => ((string?)each!["auth_provider"], (string?)each["external_id"])),
            Is.EquivalentTo(new[] { ("work", "7 seven"), ("https://former.example", "old") }));
    }

    [TestCase("displayname", "")]
    [TestCase("avatar_url", "https://not-mxc.example/x")]
    public async Task A_profile_that_is_refused_changes_nothing(string field, string value)
    {
        var user = await Server.RegistersAsync($"unchanged-{field}".Replace('_', '-'));
        if (field == "displayname") value = new string('x', 70_000 / 2);
        var wish = new JsonObject
        {
            ["password"] = "another password",
            ["admin"] = true,
            ["displayname"] = "New",
            [field] = value,
        };
        var refused = await Root.PutAsync($"{V2}users/{user.UserId}", wish.DeepClone());
        Assert.That(refused.Status, Is.EqualTo(400), refused.Text);

        var row = (await Root.GetAsync($"{V2}users/{user.UserId}")).Is(200).Json;
        Assert.That(((bool)row["admin"]!, (string?)row["displayname"]), Is.EqualTo((false, (string?)null)));
        (await user.GetAsync("account/whoami")).Is(200);
        var missing = await Root.PutAsync($"{V2}users/@never-{field.Length}:test.example", wish);
        Assert.That(missing.Status, Is.EqualTo(400), missing.Text);
        (await Root.GetAsync($"{V2}users/@never-{field.Length}:test.example")).Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(user.UserId), Is.Empty);
    }

    [Test]
    public async Task Tokens_to_act_as_a_user_end_with_the_administrators_right()
    {
        var deputy = await RegistersAdminAsync("deputy");
        var token = (await deputy.PostAsync($"{V1}users/{Alice.UserId}/login", new JsonObject())).Is(200)
            .Member("access_token");
        var others = (await Root.PostAsync($"{V1}users/{Alice.UserId}/login", new JsonObject())).Is(200)
            .Member("access_token");
        Assert.That((await ActsAsync(token)).Status, Is.EqualTo(200));

        (await Root.PutAsync($"{V1}users/{deputy.UserId}/admin", new JsonObject { ["admin"] = false })).Is(200);

        (await ActsAsync(token)).Is(401, "M_UNKNOWN_TOKEN");
        (await ActsAsync(others)).Is(200);
        (await Alice.GetAsync("account/whoami")).Is(200);

        Task<Reply> ActsAsync(string token) =>
            Server.Anyone.GetAsync($"/_matrix/client/v3/account/whoami?access_token={token}");
    }
}
