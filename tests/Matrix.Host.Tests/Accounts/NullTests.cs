using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Accounts;

/// <summary>Members that deployed clients require in a response, `null` if nothing is known. Decision 23.</summary>
internal sealed class NullTests : TwoUsersTests
{
    [Test]
    public async Task A_device_has_all_its_members_and_the_one_that_asks_was_seen_just_now()
    {
        var second = await Alice.LogsInAsync("SECOND");

        foreach (var own in new[]
        {
            (await second.GetAsync("devices")).Is(200).Json["devices"]!.AsArray().OfType<JsonObject>()
                .Single(device => (string?)device["device_id"] == "SECOND"),
            (await second.GetAsync("devices/SECOND")).Is(200).Json,
        })
        {
            Assert.That(own.ContainsKey("display_name") && own["display_name"] is null, own.ToJsonString());
            Assert.That((string?)own["last_seen_ip"], Is.EqualTo("127.0.0.1"));
            Assert.That(
                (long)own["last_seen_ts"]!,
                Is.EqualTo(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).Within(60_000));
        }

        await Alice.LogsInAsync("UNSEEN");
        var unseen = (await Alice.GetAsync("devices/UNSEEN")).Is(200).Json;
        Assert.That(
            unseen.Select(member => member.Key),
            Is.EquivalentTo(new[] { "device_id", "display_name", "last_seen_ip", "last_seen_ts" }));
    }

    [Test]
    public async Task A_joined_member_without_a_profile_has_its_members_all_the_same()
    {
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");

        var joined = (await Alice.GetAsync($"rooms/{room}/joined_members")).Is(200).Json["joined"]![Alice.UserId]!;

        Assert.That(
            JsonNode.DeepEquals(joined, JsonNode.Parse("""{"avatar_url":null,"display_name":null}""")),
            joined.ToJsonString());
    }
}
