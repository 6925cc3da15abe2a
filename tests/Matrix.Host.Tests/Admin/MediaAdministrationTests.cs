using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Media in the administration API.</summary>
public sealed class MediaAdministrationTests : AdminTests
{
    private static long Soon => DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds();

    [Test]
    public async Task A_users_media_is_listed_and_deleted()
    {
        var user = await Server.RegistersAsync("uploader");
        await UploadsAsync(user, "one");
        await UploadsAsync(user, "three");
        var path = $"{V1}users/{user.UserId}/media";

        var list = (await Root.GetAsync(path + "?order_by=media_length&limit=1")).Is(200).Json;
        Assert.That(Names(list["media"]![0]), Is.EqualTo(new[]
        {
            "media_id", "media_type", "media_length", "upload_name", "created_ts", "last_access_ts",
            "quarantined_by", "safe_from_quarantine",
        }));
        Assert.That(
            ((int)list["media"]![0]!["media_length"]!, (int)list["total"]!, (int)list["next_token"]!),
            Is.EqualTo((3, 2, 1)));

        var deleted = (await Root.DeleteAsync(path)).Is(200).Json;
        Assert.That((int)deleted["total"]!, Is.EqualTo(2));
        Assert.That((int)(await Root.GetAsync(path)).Is(200).Json["total"]!, Is.Zero);
    }

    [Test]
    public async Task One_file_is_deleted_by_its_uri()
    {
        var uri = await UploadsAsync(Alice, "to delete");
        var deleted = (await Root.DeleteAsync($"{V1}media/{uri}")).Is(200).Json;
        Assert.That((string?)deleted["deleted_media"]![0], Is.EqualTo(uri.Split('/')[1]));
        (await Alice.GetAsync($"/_matrix/client/v1/media/download/{uri}")).Is(404, "M_NOT_FOUND");
        (await Root.DeleteAsync($"{V1}media/{uri}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Quarantined_media_is_not_served_until_it_is_released()
    {
        var uri = await UploadsAsync(Alice, "doubtful");
        (await Root.PostAsync($"{V1}media/quarantine/{uri}")).Is(200);
        (await Alice.GetAsync($"/_matrix/client/v1/media/download/{uri}")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}media/unquarantine/{uri}")).Is(200);
        Assert.That((await Alice.GetAsync($"/_matrix/client/v1/media/download/{uri}")).Status, Is.EqualTo(200));
        (await Root.PostAsync($"{V1}media/unquarantine/{uri}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task All_of_a_users_media_is_quarantined_at_once()
    {
        var user = await Server.RegistersAsync("spammer");
        var uri = await UploadsAsync(user, "spam");
        await UploadsAsync(user, "more spam");
        var done = (await Root.PostAsync($"{V1}user/{user.UserId}/media/quarantine")).Is(200).Json;
        Assert.That((int)done["num_quarantined"]!, Is.EqualTo(2));
        (await Alice.GetAsync($"/_matrix/client/v1/media/download/{uri}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Unused_media_is_deleted_but_avatars_stay()
    {
        var user = await Server.RegistersAsync("keeper");
        var avatar = await UploadsAsync(user, new string('a', 5000));
        var roomAvatar = await UploadsAsync(user, new string('r', 5000));
        var other = await UploadsAsync(user, new string('o', 5000));
        (await user.PutAsync(
            $"profile/{user.UserId}/avatar_url", new JsonObject { ["avatar_url"] = $"mxc://{avatar}" })).Is(200);
        var room = await CreatesRoomAsync(user, "With avatar");
        (await user.PutAsync(
            $"rooms/{room}/state/m.room.avatar/", new JsonObject { ["url"] = $"mxc://{roomAvatar}" })).Is(200);

        var deleted = (await Root.PostAsync($"{V1}media/delete?before_ts={Soon}&size_gt=4000")).Is(200).Json;
        Assert.That(
            deleted["deleted_media"]!.AsArray().Select(id => (string?)id), Is.EqualTo(new[] { other.Split('/')[1] }));
        var rest = (await Root.PostAsync(
            $"{V1}media/test.example/delete?before_ts={Soon}&size_gt=4000&keep_profiles=false")).Is(200).Json;
        Assert.That((int)rest["total"]!, Is.EqualTo(2));
        (await Root.PostAsync(V1 + "media/delete")).Is(400, "M_MISSING_PARAM");
        (await Root.PostAsync($"{V1}media/other.example/delete?before_ts=1")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_cache_of_other_servers_media_is_purged()
    {
        Assert.That(
            (await Root.PostAsync($"{V1}purge_media_cache?before_ts={Soon}")).Is(200).Text,
            Is.EqualTo("""{"deleted":0}"""));
        (await Root.PostAsync(V1 + "purge_media_cache")).Is(400, "M_MISSING_PARAM");
        (await Root.PostAsync(V1 + "purge_media_cache?before_ts=x")).Is(400, "M_INVALID_PARAM");
    }

    [TestCase("user_id")]
    [TestCase("displayname")]
    [TestCase("media_count")]
    [TestCase("media_length")]
    public async Task Statistics_count_the_uploads_of_users(string order)
    {
        var user = await Server.RegistersAsync($"counted-{order}".Replace('_', '-'));
        await UploadsAsync(user, "1234567");
        var found = (await Root.GetAsync(
            $"{V1}statistics/users/media?search_term={user.UserId}&order_by={order}")).Is(200).Json;
        Assert.That(
            found["users"]!.ToJsonString(),
            Is.EqualTo($$"""[{"displayname":null,"media_count":1,"media_length":7,"user_id":"{{user.UserId}}"}]"""));
        Assert.That((int)found["total"]!, Is.EqualTo(1));
        Assert.That(
            (int)(await Root.GetAsync(
                $"{V1}statistics/users/media?search_term={user.UserId}&until_ts=1")).Is(200).Json["total"]!, Is.Zero);
    }
}
