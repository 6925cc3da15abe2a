using System.Text.Json.Nodes;
using NUnit.Framework.Internal;

namespace Matrix.Host.Tests.Search;

/// <summary>
/// A property: after any history of sends, edits, redactions, joins and leaves, a search returns the same hits on both
/// databases, and these are what a model of the history says.
/// </summary>
[Category(TestDatabase.Postgres)]
internal sealed class SameHitsTests
{
    private const int Steps = 70;

    private static readonly string[] _vocabulary =
        ["apple", "Äpfel", "straße", "京都", "東京都", "สวัสดี", "ｶﾞｽ", "don't", "x1", "ΣΊΣΥΦΟΣ", "cafe\u0301", "кот"];

    private static readonly string[] _searched =
    [
        "apple", "äpfel", "STRASSE", "straße", "京", "京都", "東京都", "สวัส", "ガス", "don", "x1 apple", "σίσυφοσ", "café",
        "КОТ apple",
    ];

    [TestCase(1, "2000")]
    [TestCase(2, "2000")]
    [TestCase(3, "1")]
    [TestCase(4, "1")]
    public async Task Both_databases_return_the_same_hits_after_any_history(int seed, string rareHits)
    {
        await using var small = await World.StartAsync(TestDatabase.Sqlite, rareHits);
        await using var large = await World.StartAsync(TestDatabase.Postgres, rareHits);
        foreach (var world in new[] { small, large }) await PlayAsync(world, new Randomizer(seed));

        Assert.That(large.Labels, Is.EqualTo(small.Labels));
        foreach (var term in _searched)
        {
            for (var user = 0; user < World.Users; user++)
            {
                foreach (var order in new[] { "recent", "rank" })
                {
                    var (count, hits) = await small.FindsAsync(user, term, order);
                    var (otherCount, otherHits) = await large.FindsAsync(user, term, order);
                    var who = $"seed {seed}, user {user}, {order}: {term}";
                    Assert.That(otherHits.Order(), Is.EqualTo(hits.Order()), who);
                    Assert.That(hits.Order(), Is.EqualTo(small.Expected(user, term).Order()), who);
                    Assert.That(otherCount, Is.EqualTo(count), who);
                    foreach (var room in hits.GroupBy(small.RoomOf))
                    {
                        Assert.That(otherHits.Where(hit => large.RoomOf(hit) == room.Key), Is.EqualTo(room), who);
                    }
                }
            }
        }
    }

    private static async Task PlayAsync(World world, Randomizer random)
    {
        for (var step = 0; step < Steps; step++)
        {
            var (user, room) = (random.Next(World.Users), random.Next(World.Rooms));
            var text = string.Join(
                random.Next(4) == 0 ? ", " : " ",
                Enumerable.Range(0, 1 + random.Next(4)).Select(_ => _vocabulary[random.Next(_vocabulary.Length)]));
            var (kind, which) = (random.Next(12), random.Next(1000));
            if (kind < 6) await world.SaysAsync(user, room, text);
            else if (kind < 8) await world.EditsAsync(which, text);
            else if (kind < 9) await world.RedactsAsync(which);
            else if (kind < 10) await world.LeavesAsync(user, room);
            else await world.JoinsAsync(user, room);
        }
    }

    /// <summary>A server with users and rooms, and the model of what is said there.</summary>
    private sealed class World : IAsyncDisposable
    {
        public const int Users = 3;
        public const int Rooms = 2;

        private readonly TestDatabase _database;
        private readonly TestServer _server;
        private readonly List<TestUser> _users = [];
        private readonly List<string> _rooms = [];
        private readonly HashSet<(int User, int Room)> _joined = [];
        private readonly Dictionary<(int User, int Room), int> _leftAt = [];
        private readonly List<Said> _said = [];
        private readonly Dictionary<string, int> _labels = [];
        private int _clock;

        private World(TestDatabase database, TestServer server)
        {
            _database = database;
            _server = server;
        }

        public IEnumerable<string> Labels => _said.Select(said => $"{said.User} {said.Room} {said.IsRedacted}");

        public static async Task<World> StartAsync(string kind, string rareHits)
        {
            var database = await TestDatabase.CreateAsync(kind);
            var world = new World(
                database,
                await TestServer.StartAsync(
                    ("database.url", database.Url),
                    ("search.rare_hits", rareHits),
                    // A slow machine may need longer than the usual second to index what was sent.
                    ("search.index_wait", "2m")));
            for (var i = 0; i < Users; i++) world._users.Add(await world._server.RegistersAsync($"user{i}"));
            for (var i = 0; i < Rooms; i++)
            {
                var created = await world._users[0].PostAsync(
                    "createRoom", new JsonObject { ["preset"] = "public_chat" });
                world._rooms.Add(created.Is(200).Member("room_id"));
                world._joined.Add((0, i));
            }

            return world;
        }

        public int RoomOf(int label) => _said[label].Room;

        public async Task SaysAsync(int user, int room, string text)
        {
            if (!_joined.Contains((user, room))) return;
            var id = await SendsAsync(user, room, new JsonObject { ["msgtype"] = "m.text", ["body"] = text });
            _labels[id] = _said.Count;
            _said.Add(new Said(user, room, id, [new Version(++_clock, text, id)]));
        }

        public async Task EditsAsync(int which, string text)
        {
            if (_said.Count == 0) return;
            var said = _said[which % _said.Count];
            if (said.IsRedacted || !_joined.Contains((said.User, said.Room))) return;

            // Of two edits in one millisecond, the IDs decide, which differ between the servers.
            // v1.19 client-server-api#server-side-aggregation-of-mreplace-relationships
            if (said.Versions.Count > 1) await SearchWorld.LaterAsync();
            var id = await SendsAsync(said.User, said.Room, new JsonObject
            {
                ["msgtype"] = "m.text",
                ["body"] = "* nothing",
                ["m.new_content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = text },
                ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.replace", ["event_id"] = said.EventId },
            });
            said.Versions.Add(new Version(++_clock, text, id));
        }

        public async Task RedactsAsync(int which)
        {
            if (_said.Count == 0) return;
            var said = _said[which % _said.Count];
            if (said.IsRedacted || !_joined.Contains((said.User, said.Room))) return;
            var version = which % 2 == 0 ? said.Versions[0] : said.Versions[^1];
            (await _users[said.User].PutAsync($"rooms/{_rooms[said.Room]}/redact/{version.EventId}/r{++_clock}"))
                .Is(200);
            if (version == said.Versions[0]) said.Versions.Clear();
            else said.Versions.Remove(version);
        }

        public async Task LeavesAsync(int user, int room)
        {
            // Someone stays, so that the room can be joined again.
            if (user == 0 || !_joined.Remove((user, room))) return;
            (await _users[user].PostAsync($"rooms/{_rooms[room]}/leave")).Is(200);
            _leftAt[(user, room)] = ++_clock;
        }

        public async Task JoinsAsync(int user, int room)
        {
            if (!_joined.Add((user, room))) return;
            (await _users[user].PostAsync($"rooms/{_rooms[room]}/join")).Is(200);
        }

        /// <summary>What a user should find: the history of these rooms is visible to everyone who joined.</summary>
        public IEnumerable<int> Expected(int user, string term)
        {
            var terms = Matrix.Core.Search.SearchWords.OfSearch(term, 100);
            for (var label = 0; label < _said.Count; label++)
            {
                var said = _said[label];
                if (said.IsRedacted) continue;
                var through = _joined.Contains((user, said.Room))
                    ? int.MaxValue
                    : _leftAt.GetValueOrDefault((user, said.Room));
                var latest = said.Versions[^1];
                if (latest.At <= through
                    && Matrix.Core.Search.SearchWords.Match(
                        terms, Matrix.Core.Search.SearchWords.Of(latest.Text, 100)))
                {
                    yield return label;
                }
            }
        }

        public async Task<(int Count, List<int> Hits)> FindsAsync(int user, string term, string order)
        {
            var reply = await _users[user].PostAsync("search", new JsonObject
            {
                ["search_categories"] = new JsonObject
                {
                    ["room_events"] = new JsonObject
                    {
                        ["search_term"] = term,
                        ["order_by"] = order,
                        ["filter"] = new JsonObject { ["limit"] = 100 },
                    },
                },
            });
            var found = reply.Is(200).Json["search_categories"]!["room_events"]!;
            return (
                (int)found["count"]!,
                [.. found["results"]!.AsArray().Select(hit => _labels[(string)hit!["result"]!["event_id"]!])]);
        }

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            await _database.DisposeAsync();
        }

        private async Task<string> SendsAsync(int user, int room, JsonObject content) =>
            (await _users[user].PutAsync($"rooms/{_rooms[room]}/send/m.room.message/t{_clock}-{user}", content))
            .Is(200).Member("event_id");

        private sealed record Said(int User, int Room, string EventId, List<Version> Versions)
        {
            public bool IsRedacted => Versions.Count == 0;
        }

        private sealed record Version(int At, string Text, string EventId);
    }
}
