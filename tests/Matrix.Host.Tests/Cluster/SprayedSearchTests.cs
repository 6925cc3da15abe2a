using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Searches at several nodes, of which one keeps the index.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedSearchTests
{
    private const int Searches = 8;

    // A search that waits for an index which it cannot see takes two minutes.
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    private TestServer _cluster = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _cluster = await TestServer.StartNodesAsync(
            3, ("search.index_wait", "2m"), ("user_directory.index_wait", "2m"));
        _alice = await _cluster.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task A_message_that_was_just_sent_is_found_at_every_node()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");
        for (var i = 1; i <= Searches; i++)
        {
            (await _alice.PutAsync(
                $"rooms/{room}/send/m.room.message/{i}",
                new JsonObject { ["msgtype"] = "m.text", ["body"] = "apple" })).Is(200);

            var found = await _alice.PostAsync("search", new JsonObject
            {
                ["search_categories"] = new JsonObject
                {
                    ["room_events"] = new JsonObject { ["search_term"] = "apple" },
                },
            }).WaitAsync(_longest);

            Assert.That((int)found.Is(200).Json["search_categories"]!["room_events"]!["count"]!, Is.EqualTo(i));
        }
    }

    [Test]
    public async Task Someone_who_just_joined_a_public_room_is_found_at_every_node()
    {
        var created = await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" });
        var room = created.Is(200).Member("room_id");
        for (var i = 1; i <= Searches; i++)
        {
            var user = await _cluster.RegistersAsync($"walker{i}");
            (await user.PostAsync($"rooms/{room}/join")).Is(200);

            var found = await _alice.PostAsync(
                "user_directory/search", new JsonObject { ["search_term"] = $"walker{i}" }).WaitAsync(_longest);

            var results = found.Is(200).Json["results"]!.AsArray();
            Assert.That(results.Select(static each => (string)each!["user_id"]!), Is.EqualTo(new[] { user.UserId }));
        }
    }
}
