using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Admin;

/// <summary>Messages that are deleted by their age (MSC1763).</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class RetentionTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task Old_messages_go_where_the_room_says_so_and_its_state_stays()
    {
        var bound = await RoomAsync(maxLifetime: TimeSpan.FromHours(1));
        var short_ = await RoomAsync(maxLifetime: TimeSpan.FromSeconds(1));
        var unbound = await RoomAsync(maxLifetime: null);
        string[] rooms = [bound, short_, unbound];
        var old = new List<string>();
        foreach (var room in rooms) old.Add(await Alice.SaysAsync(room, "old"));
        Server.Ahead = TimeSpan.FromMinutes(30);
        var middle = new List<string>();
        foreach (var room in rooms) middle.Add(await Alice.SaysAsync(room, "of half an hour later"));
        Server.Ahead = TimeSpan.FromMinutes(70);
        foreach (var room in rooms) await Alice.SaysAsync(room, "new");

        // Without the settings nothing goes.
        await Server.RestartAsync();
        (await EventAsync(bound, old[0])).Is(200);
        await Server.RestartAsync(("retention.follow_rooms", "true"), ("retention.shortest", "10m"));

        await GoesAsync(bound, old[0]);
        await GoesAsync(short_, old[1]);
        await GoesAsync(short_, middle[1]);
        (await EventAsync(bound, middle[0])).Is(200);
        (await EventAsync(unbound, old[2])).Is(200);
        foreach (var room in rooms)
        {
            (await Alice.GetAsync($"rooms/{room}/state/m.room.name/")).Is(200);
            (await Alice.GetAsync($"rooms/{room}/joined_members")).Is(200);
            await Alice.SaysAsync(room, "it goes on");
        }

        var page = (await Alice.GetAsync($"rooms/{short_}/messages?dir=b&limit=100")).Is(200).Json["chunk"]!;
        Assert.That(
            page.AsArray().Select(each => (string?)each!["content"]!["body"]).OfType<string>(),
            Is.EqualTo(new[] { "it goes on", "new" }));
    }

    private async Task<string> RoomAsync(TimeSpan? maxLifetime)
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kept" });
        if (maxLifetime is { } time)
        {
            (await Alice.PutAsync(
                $"rooms/{room}/state/m.room.retention/",
                new JsonObject { ["max_lifetime"] = (long)time.TotalMilliseconds })).Is(200);
        }

        return room;
    }

    private Task<Reply> EventAsync(string room, string eventId) => Alice.GetAsync($"rooms/{room}/event/{eventId}");

    private async Task GoesAsync(string room, string eventId)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            if ((await EventAsync(room, eventId)).Status == 404) return;
            await Task.Delay(50);
        }

        Assert.Fail($"{eventId} is still there.");
    }
}
