using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Summaries;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>The directory of published rooms. Client-Server API, "Listing rooms".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class PublicRoomsTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task Rooms_of_networks_are_listed_where_a_client_asks_for_them()
    {
        var own = await PublishesAsync("Own");
        var bridged = await Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Bridged" });
        var both = await PublishesAsync("Both");
        await Bob.JoinsAsync(both);
        var directory = (PublishedRooms)Server.Services.GetService(typeof(PublishedRooms))!;
        foreach (var (network, room) in new[] { ("irc|a", bridged), ("irc|a", both), ("irc|b", both) })
        {
            Assert.That(await directory.PublishInNetworkAsync(network, room, true, CancellationToken.None), Is.Null);
        }

        Assert.That(await ListedAsync([]), Is.EqualTo(new[] { both, own }));
        Assert.That(await ListedAsync(Network("irc|a")), Is.EqualTo(new[] { both, bridged }));
        Assert.That(await ListedAsync(Network("irc|b")), Is.EqualTo(new[] { both }));
        Assert.That(await ListedAsync(Network("irc|c")), Is.Empty);
        Assert.That(
            await ListedAsync(new() { ["include_all_networks"] = true }), Is.EqualTo(new[] { both, own, bridged }));

        var pages = new List<string>();
        string? since = null;
        do
        {
            var body = new JsonObject { ["include_all_networks"] = true, ["limit"] = 1 };
            if (since is not null) body["since"] = since;
            var page = (await Alice.PostAsync("publicRooms", body)).Is(200).Json;
            pages.AddRange(RoomsOf(page));
            Assert.That((int?)page["total_room_count_estimate"], Is.EqualTo(3));
            since = (string?)page["next_batch"];
        }
        while (since is not null);

        Assert.That(pages, Is.EqualTo(new[] { both, own, bridged }));
        var contradiction = Network("irc|a");
        contradiction["include_all_networks"] = true;
        (await Alice.PostAsync("publicRooms", contradiction)).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_directory_follows_joins_and_departures()
    {
        var first = await PublishesAsync("First");
        var second = await PublishesAsync("Second");
        Assert.That(await ListedAsync([]), Is.EqualTo(new[] { first, second }));

        await Bob.JoinsAsync(second);
        Assert.That(await ListedAsync([]), Is.EqualTo(new[] { second, first }));
        await Bob.LeavesAsync(second);
        await Bob.JoinsAsync(first);
        Assert.That(await ListedAsync([]), Is.EqualTo(new[] { first, second }));
    }

    [Test]
    public async Task Pages_after_a_restart_show_each_room_once_with_all_that_is_known_of_it()
    {
        var names = new List<string>();
        for (var i = 0; i < 23; i++)
        {
            var room = await PublishesAsync($"Room {i}");
            names.Add($"Room {i}");
            if (i % 9 != 4) continue;
            await Alice.LeavesAsync(room);
            names.Remove($"Room {i}");
        }

        await Server.RestartAsync();
        var found = new List<JsonObject>();
        string? since = null;
        do
        {
            var body = new JsonObject { ["limit"] = 6 };
            if (since is not null) body["since"] = since;
            var page = (await Alice.PostAsync("publicRooms", body)).Is(200).Json;
            found.AddRange(page["chunk"]!.AsArray().Select(room => room!.AsObject()));
            since = (string?)page["next_batch"];
        }
        while (since is not null);

        Assert.That(found.Select(room => (string?)room["name"]), Is.EquivalentTo(names));
        Assert.That(found.Select(room => (int?)room["num_joined_members"]), Is.All.EqualTo(1));
        Assert.That(found.Select(room => (string?)room["join_rule"]), Is.All.EqualTo("public"));
        Assert.That(found.Select(room => (bool?)room["world_readable"]), Is.All.EqualTo(false));
    }

    [Test]
    public async Task A_search_goes_on_where_it_stopped_looking()
    {
        var wanted = await PublishesAsync("Needle");
        for (var i = 0; i < 101; i++)
        {
            await Bob.JoinsAsync(await PublishesAsync($"Hay {i}"));
        }

        await Server.RestartAsync(("limits.public_rooms_scanned", "100"));
        var body = new JsonObject { ["filter"] = new JsonObject { ["generic_search_term"] = "NEEDLE" } };
        var first = (await Alice.PostAsync("publicRooms", body.DeepClone())).Is(200).Json;
        Assert.That(RoomsOf(first), Is.Empty);
        body["since"] = (string?)first["next_batch"];
        var second = (await Alice.PostAsync("publicRooms", body)).Is(200).Json;

        Assert.That(RoomsOf(second), Is.EqualTo(new[] { wanted }));
        Assert.That(second["next_batch"], Is.Null);
    }

    private static JsonObject Network(string instanceId) => new() { ["third_party_instance_id"] = instanceId };

    private Task<string> PublishesAsync(string name) =>
        Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = name, ["visibility"] = "public" });

    private async Task<string[]> ListedAsync(JsonObject body) =>
        RoomsOf((await Alice.PostAsync("publicRooms", body)).Is(200).Json);

    private static string[] RoomsOf(JsonObject page) =>
        [.. page["chunk"]!.AsArray().Select(room => (string)room!["room_id"]!)];
}
