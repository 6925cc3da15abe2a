using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Reading;

/// <summary>Responses that are larger than one caller's memory: pages end, and the rest is written in steps.</summary>
[TestFixture(TestDatabase.Sqlite)]
[TestFixture(TestDatabase.Postgres, Category = "PostgreSQL")]
internal sealed class LargeResponseTests(string kind)
{
    /// <summary>The bytes of a large text.</summary>
    private const int Large = 50_000;

    private const int Messages = 45;

    private TestDatabase _database = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server = await TestServer.StartAsync(
            ("database.url", _database.Url),
            ("limits.client_responses", "64MiB"),
            ("limits.large_response", "8MiB"),
            ("limits.memory_wait", "1s"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task Stop()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    private static JsonObject Text(int i) => new()
    {
        ["msgtype"] = "m.text",
        ["body"] = $"{i} " + new string('x', Large),
    };

    private async Task<string> RoomAsync()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");
        return Uri.EscapeDataString(room);
    }

    private async Task<List<string>> SaysAsync(string room, int count, string? thread = null)
    {
        var ids = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var content = Text(i);
            if (thread is not null)
            {
                content["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = thread };
            }

            ids.Add((await _alice.PutAsync($"rooms/{room}/send/m.room.message/{Guid.NewGuid():N}", content))
                .Is(200).Member("event_id"));
        }

        return ids;
    }

    /// <summary>Reads all pages, from a position or from the first; each has at most about a megabyte.</summary>
    private async Task<List<string>> PagesAsync(string path, string token, string next, string? from = null)
    {
        var seen = new List<string>();
        do
        {
            var page = (await _alice.GetAsync(from is null ? path : $"{path}&{token}={Uri.EscapeDataString(from)}"))
                .Is(200);
            Assert.That(page.Text, Has.Length.LessThan(2 << 20));
            var chunk = page.Json["chunk"]!.AsArray().Select(static each => (string)each!["event_id"]!).ToList();
            seen.AddRange(chunk);

            // A page up to a position has an end although it is the last.
            from = chunk.Count > 0 ? (string?)page.Json[next] : null;
        }
        while (from is not null);

        return seen;
    }

    [Test]
    public async Task Pages_of_messages_end_by_bytes_and_their_tokens_lead_to_all_others()
    {
        var room = await RoomAsync();
        var sent = await SaysAsync(room, Messages);
        foreach (var direction in new[] { "b", "f" })
        {
            var read = await PagesAsync($"rooms/{room}/messages?dir={direction}&limit=1000", "from", "end");
            Assert.That(read, Is.Unique);
            Assert.That(
                read.Where(sent.Contains), Is.EqualTo(direction == "f" ? sent : Enumerable.Reverse(sent)), direction);
        }
    }

    [Test]
    public async Task Pages_of_relations_and_of_threads_end_by_bytes_too()
    {
        var room = await RoomAsync();
        var root = (await SaysAsync(room, 1))[0];
        var replies = await SaysAsync(room, Messages, root);
        var path = $"/_matrix/client/v1/rooms/{room}/relations/{Uri.EscapeDataString(root)}?limit=1000";
        var read = await PagesAsync(path, "from", "next_batch");
        Assert.That(read, Is.EqualTo(Enumerable.Reverse(replies)));

        var roots = await SaysAsync(room, 30);
        foreach (var each in roots) await SaysAsync(room, 1, each);
        var threads = await PagesAsync($"/_matrix/client/v1/rooms/{room}/threads?limit=1000", "from", "next_batch");
        Assert.That(threads, Is.EqualTo(Enumerable.Reverse<string>([root, .. roots])));
    }

    [Test]
    public async Task A_timeline_ends_by_bytes_and_the_client_pages_back_to_the_rest()
    {
        var room = await RoomAsync();
        var since = (await _alice.GetAsync("sync?timeout=0")).Is(200).Member("next_batch");
        var sent = await SaysAsync(room, Messages);
        var filter = Uri.EscapeDataString("""{"room":{"timeline":{"limit":1000}}}""");
        var sync = (await _alice.GetAsync($"sync?timeout=0&since={since}&filter={filter}")).Is(200);
        Assert.That(sync.Text, Has.Length.LessThan(2 << 20));
        var timeline = sync.Json["rooms"]!["join"]![Uri.UnescapeDataString(room)]!["timeline"]!;
        Assert.That((bool)timeline["limited"]!, Is.True);
        var shown = timeline["events"]!.AsArray().Select(static each => (string)each!["event_id"]!).ToList();
        var earlier = await PagesAsync(
            $"rooms/{room}/messages?dir=b&limit=1000&to={since}", "from", "end", (string?)timeline["prev_batch"]);
        Assert.That(Enumerable.Reverse(earlier).Concat(shown), Is.EqualTo(sent));
    }

    [Test]
    public async Task A_state_of_many_steps_has_every_event_once()
    {
        var room = await RoomAsync();
        for (var i = 0; i < 40; i++) await SetsStateAsync(room, i);
        var state = (await _alice.GetAsync($"rooms/{room}/state")).Is(200);
        var keys = JsonNode.Parse(state.Text)!.AsArray()
            .Where(static each => (string)each!["type"]! == "org.example.large")
            .Select(static each => (string)each!["state_key"]!);
        Assert.That(keys, Is.EqualTo(Enumerable.Range(0, 40).Select(static i => $"{i}")));

        var sync = (await _alice.GetAsync("sync?timeout=0")).Is(200).Json;
        var joined = sync["rooms"]!["join"]![Uri.UnescapeDataString(room)]!;
        Assert.That(
            joined["state"]!["events"]!.AsArray().Concat(joined["timeline"]!["events"]!.AsArray())
                .Count(static each => (string)each!["type"]! == "org.example.large"),
            Is.EqualTo(40));
    }

    [Test]
    public async Task Messages_to_a_device_end_by_bytes_and_the_rest_comes_with_the_next_sync()
    {
        for (var i = 0; i < Messages; i++)
        {
            await _alice.PutAsync($"sendToDevice/org.example.large/{i}", new JsonObject
            {
                ["messages"] = new JsonObject
                {
                    [_alice.UserId] = new JsonObject { [_alice.DeviceId] = new JsonObject { ["text"] = Text(i) } },
                },
            });
        }

        var since = "";
        var got = 0;
        for (var rounds = 0; got < Messages && rounds < Messages; rounds++)
        {
            var sync = (await _alice.GetAsync($"sync?timeout=0{since}")).Is(200);
            Assert.That(sync.Text, Has.Length.LessThan(2 << 20));
            got += sync.Json["to_device"]?["events"]?.AsArray().Count ?? 0;
            since = "&since=" + sync.Member("next_batch");
        }

        Assert.That(got, Is.EqualTo(Messages));
    }

    [Test]
    public async Task A_large_response_ends_when_the_callers_access_ends()
    {
        var room = await RoomAsync();
        for (var i = 0; i < 120; i++) await SetsStateAsync(room, i);
        using var slow = await ReadsSlowlyAsync($"rooms/{room}/state");
        (await _alice.PostAsync("logout", new JsonObject())).Is(200);
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        var rest = await slow.ReadToEndAsync();
        Assert.That(rest, Does.Not.EndWith("0\r\n\r\n"), "The response is complete.");
    }

    [Test]
    public async Task Beyond_the_share_an_incremental_sync_is_empty_and_an_initial_one_is_told_to_wait()
    {
        var room = await RoomAsync();
        for (var i = 0; i < 120; i++) await SetsStateAsync(room, i);
        var since = (await _alice.GetAsync("sync?timeout=0")).Is(200).Member("next_batch");
        await SaysAsync(room, 1);
        using (await ReadsSlowlyAsync($"rooms/{room}/state"))
        {
            var sync = (await _alice.GetAsync($"sync?timeout=0&since={since}")).Is(200);
            Assert.That(sync.Member("next_batch"), Is.EqualTo(since));
            Assert.That(sync.Json["rooms"], Is.Null);
            (await _alice.GetAsync("sync?timeout=0")).Is(429, "M_LIMIT_EXCEEDED");
            (await _alice.GetAsync($"rooms/{room}/messages?dir=b")).Is(429, "M_LIMIT_EXCEEDED");

            // Others have shares of their own, and small requests need none.
            var bob = await _server.RegistersAsync("bob");
            (await bob.GetAsync("sync?timeout=0")).Is(200);
            (await _alice.GetAsync("account/whoami")).Is(200);
        }

        var later = (await _alice.GetAsync($"sync?timeout=0&since={since}")).Is(200);
        Assert.That(later.Json["rooms"]!["join"]![Uri.UnescapeDataString(room)], Is.Not.Null);
    }

    [Test]
    public async Task A_backup_of_many_pages_has_every_key_once()
    {
        var version = (await _alice.PostAsync("room_keys/version", new JsonObject
        {
            ["algorithm"] = "m.megolm_backup.v1.curve25519-aes-sha2",
            ["auth_data"] = new JsonObject { ["public_key"] = "abc" },
        })).Is(200).Member("version");
        var rooms = new JsonObject();
        foreach (var room in new[] { "!a:test.example", "!b:test.example", "!c:test.example" })
        {
            var sessions = new JsonObject();
            for (var i = 0; i < 130; i++)
            {
                sessions[$"s{i}"] = new JsonObject
                {
                    ["first_message_index"] = i,
                    ["forwarded_count"] = 0,
                    ["is_verified"] = i % 2 == 0,
                    ["session_data"] = new JsonObject { ["n"] = i },
                };
            }

            rooms[room] = new JsonObject { ["sessions"] = sessions };
        }

        (await _alice.PutAsync($"room_keys/keys?version={version}", new JsonObject { ["rooms"] = rooms })).Is(200);
        var whole = (await _alice.GetAsync($"room_keys/keys?version={version}")).Is(200).Json;
        Assert.That(JsonNode.DeepEquals(whole["rooms"], rooms), Is.True);
        var one = (await _alice.GetAsync($"room_keys/keys/{Uri.EscapeDataString("!b:test.example")}?version={version}"))
            .Is(200).Json;
        Assert.That(JsonNode.DeepEquals(one, rooms["!b:test.example"]), Is.True);
    }

    [Test]
    public async Task Large_account_data_comes_whole()
    {
        for (var i = 0; i < 8; i++)
        {
            (await _alice.PutAsync(
                $"user/{Uri.EscapeDataString(_alice.UserId)}/account_data/org.example.{i}",
                new JsonObject { ["text"] = new string('x', i * 20_000) })).Is(200);
        }

        var sync = (await _alice.GetAsync("sync?timeout=0")).Is(200).Json;
        var lengths = sync["account_data"]!["events"]!.AsArray()
            .Where(static each => ((string)each!["type"]!).StartsWith("org.example.", StringComparison.Ordinal))
            .Select(static each => ((string)each!["content"]!["text"]!).Length);
        Assert.That(lengths.Order(), Is.EqualTo(Enumerable.Range(0, 8).Select(static i => i * 20_000)));
    }

    private async Task SetsStateAsync(string room, int i) => (await _alice.PutAsync(
        $"rooms/{room}/state/org.example.large/{i}", new JsonObject { ["text"] = new string('x', Large) })).Is(200);

    /// <summary>Asks, and reads the first bytes of the response.</summary>
    private async Task<SlowReader> ReadsSlowlyAsync(string path)
    {
        var reader = new SlowReader();
        await reader.AskAsync(_server.ClientAddress, $"/_matrix/client/v3/{path}", _alice.Token!);
        return reader;
    }

    private sealed class SlowReader : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveBufferSize = 4096,
        };

        internal async Task AskAsync(Uri address, string path, string token)
        {
            await _socket.ConnectAsync(IPAddress.Parse(address.Host), address.Port);
            await _socket.SendAsync(Encoding.ASCII.GetBytes(
                $"GET {path} HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: Bearer {token}\r\n\r\n"));
            var first = new byte[12];
            Assert.That(await _socket.ReceiveAsync(first), Is.Positive);
            Assert.That(Encoding.ASCII.GetString(first), Does.StartWith("HTTP/1.1 200"));
        }

        internal async Task<string> ReadToEndAsync()
        {
            var (buffer, all) = (new byte[64 * 1024], new StringBuilder());
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            try
            {
                while (await _socket.ReceiveAsync(buffer, patience.Token) is > 0 and var read)
                {
                    all.Append(Encoding.Latin1.GetString(buffer, 0, read));
                    if (all.ToString(Math.Max(0, all.Length - 5), Math.Min(5, all.Length)) == "0\r\n\r\n") break;
                }
            }
            catch (SocketException)
            {
                // The server has closed the connection.
            }

            return all.ToString();
        }

        public void Dispose() => _socket.Dispose();
    }
}
