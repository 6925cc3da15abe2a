using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Further endpoints of the administration API that tools use.</summary>
public sealed class ToolShapesTests : AdminTests
{
    [Test]
    public async Task A_users_limit_is_set_read_and_removed()
    {
        var path = $"{V1}users/{Alice.UserId}/override_ratelimit";
        Assert.That((await Root.GetAsync(path)).Is(200).Text, Is.EqualTo("{}"));
        var limit = new JsonObject { ["messages_per_second"] = 3, ["burst_count"] = 5 };
        Assert.That(
            (await Root.PostAsync(path, limit)).Is(200).Text,
            Is.EqualTo("""{"messages_per_second":3,"burst_count":5}"""));
        Assert.That(
            (await Root.GetAsync(path)).Is(200).Text,
            Is.EqualTo("""{"messages_per_second":3,"burst_count":5}"""));
        (await Root.DeleteAsync(path)).Is(200);
        Assert.That((await Root.GetAsync(path)).Is(200).Text, Is.EqualTo("{}"));
        (await Root.PostAsync(path, new JsonObject { ["burst_count"] = -1 })).Is(400, "M_INVALID_PARAM");
        (await Root.GetAsync($"{V1}users/@none:test.example/override_ratelimit")).Is(404, "M_NOT_FOUND");
        Assert.That(
            await AuditOfAsync(Alice.UserId),
            Is.EqualTo(new[] { "user.unset_rate_limit: done", "user.set_rate_limit: done" }));
    }

    [Test]
    public async Task The_media_of_a_room_is_listed_and_put_in_quarantine_but_for_what_is_protected()
    {
        var room = await CreatesRoomAsync(Alice, "Media");
        var kept = await UploadsAsync(Alice, "kept");
        var bad = await UploadsAsync(Alice, "bad");
        foreach (var uri in (string[])[kept, bad])
        {
            (await Alice.PutAsync(
                $"rooms/{room}/send/m.room.message/{Guid.NewGuid():N}",
                new JsonObject { ["msgtype"] = "m.file", ["body"] = "x", ["url"] = $"mxc://{uri}" })).Is(200);
        }

        var list = (await Root.GetAsync($"{V1}room/{room}/media")).Is(200).Json;
        Assert.That(
            list["local"]!.AsArray().Select(each => (string?)each),
            Is.EquivalentTo(new[] { $"mxc://{kept}", $"mxc://{bad}" }));
        Assert.That(list["remote"]!.AsArray(), Is.Empty);
        (await Root.PostAsync($"{V1}media/protect/{kept.Split('/')[1]}")).Is(200);
        Assert.That(
            (await Root.PostAsync($"{V1}room/{room}/media/quarantine")).Is(200).Text,
            Is.EqualTo("""{"num_quarantined":1}"""));
        (await Alice.GetAsync($"/_matrix/client/v1/media/download/{kept}")).HasStatus(200);
        (await Alice.GetAsync($"/_matrix/client/v1/media/download/{bad}")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}media/unprotect/{kept.Split('/')[1]}")).Is(200);
        (await Root.PostAsync($"{V1}media/protect/none")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V1}room/!none:test.example/media")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task An_event_is_found_by_its_id_alone_and_rooms_are_measured()
    {
        var room = await CreatesRoomAsync(Alice, "Found", "private_chat");
        var sent = (await Alice.PutAsync(
            $"rooms/{room}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "here" })).Is(200).Member("event_id");
        var found = (await Root.GetAsync($"{V1}fetch_event/{sent}")).Is(200).Json["event"]!;
        Assert.That(((string?)found["event_id"], (string?)found["room_id"]), Is.EqualTo((sent, room)));
        var sizes = (await Root.GetAsync($"{V1}statistics/database/rooms")).Is(200).Json["rooms"]!;
        Assert.That(Names(sizes[0]), Is.EqualTo(new[] { "room_id", "estimated_size" }));
    }

    [Test]
    public async Task A_token_to_act_as_a_user_ends_with_logout_everywhere()
    {
        var user = await Server.RegistersAsync("acted-as");
        var token = (await Root.PostAsync($"{V1}users/{user.UserId}/login", new JsonObject())).Is(200)
            .Member("access_token");
        var before = await Server.Anyone.GetAsync($"/_matrix/client/v3/account/whoami?access_token={token}");
        Assert.That(before.Status, Is.EqualTo(200));
        (await user.PostAsync("logout/all")).Is(200);
        var after = await Server.Anyone.GetAsync($"/_matrix/client/v3/account/whoami?access_token={token}");
        Assert.That(after.Status, Is.EqualTo(401));
    }
}
