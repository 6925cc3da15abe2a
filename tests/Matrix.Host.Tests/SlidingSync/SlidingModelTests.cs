using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using static Matrix.TestWorld.UserActions;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>
/// After any history, a client of sliding sync has the same state of the world as one that begins with `/sync`.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SlidingModelTests(string kind) : TwoUsersTests(kind)
{
    private const int Steps = 70;

    private readonly List<string> _rooms = [];
    private readonly List<(string Room, string EventId)> _sent = [];

    [Test]
    public async Task Both_forms_of_sync_end_with_the_same_rooms([Values] bool isStable, [Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        await EndAlikeAsync(isStable, random);
    }

    [Test]
    public async Task Both_forms_of_sync_end_with_the_same_rooms_though_consumers_miss_changes(
        [Values] bool isStable, [Values(4, 5, 6)] int seed)
    {
        var missed = new Random(seed);
        Server.Misses = _ => missed.Next(3) == 0;
        await EndAlikeAsync(isStable, new Random(seed));
    }

    [Test]
    public async Task Both_forms_of_sync_end_with_the_same_rooms_though_changes_come_from_another_node(
        [Values] bool isStable)
    {
        Server.Decodes = true;
        await Server.RestartAsync();
        await EndAlikeAsync(isStable, new Random(7));
    }

    [Test]
    public async Task Both_forms_of_sync_end_with_the_same_rooms_though_two_nodes_answer_in_turn(
        [Values] bool isStable, [Values(8, 9)] int seed)
    {
        Server.Replaces = SprayedSync.AddTo;
        await Server.RestartAsync();
        await EndAlikeAsync(isStable, new Random(seed));
    }

    private async Task EndAlikeAsync(bool isStable, Random random)
    {
        _rooms.Clear();
        _sent.Clear();
        foreach (var preset in new[] { "public_chat", "private_chat", "public_chat", "private_chat" })
        {
            _rooms.Add(await Alice.CreatesRoomAsync(preset));
        }

        var client = new SlidingClient(Bob, isStable);
        var log = new List<string>();
        for (var step = 0; step < Steps; step++)
        {
            log.Add(await ActAsync(random));
            if (random.Next(3) == 0) await client.LosesAsync(random.Next(6), random.Next(4));
            if (random.Next(3) == 0) await client.SyncAsync(random.Next(6), random.Next(1, 4));
            if (random.Next(25) == 0) await Server.RestartAsync();
        }

        // The window grows to all rooms; the second time shows that nothing was left.
        await client.SyncAsync(99, 50);
        await client.SyncAsync(99, 50);
        await IsAsSyncSaysAsync(client, isStable, string.Join('\n', log));
    }

    private async Task IsAsSyncSaysAsync(SlidingClient client, bool isStable, string log)
    {
        var sync = await Bob.SyncsAsync(query: "use_state_after=true");
        Assert.That(client.Where("join"), Is.EqualTo(sync.Joined.Order()), log);
        Assert.That(client.Where("invite"), Is.EqualTo(sync.Invited.Order()), log);
        foreach (var room in sync.Joined)
        {
            var known = client.Rooms[room];
            var state = sync.Room(room)["state_after"]!["events"]!.AsArray()
                .ToDictionary(e => $"{e!["type"]}|{e["state_key"]}", e => (string)e!["event_id"]!);
            Assert.That(known.State, Is.EquivalentTo(state), $"{room}\n{log}");
            Assert.That(known.Timeline, Is.SupersetOf(
                sync.Timeline(room).Select(e => (string)e["event_id"]!)), $"{room}\n{log}");
            Assert.That(known.Joined, Is.EqualTo((int)sync.Room(room)["summary"]!["m.joined_member_count"]!), log);
            Assert.That(known.Invited, Is.EqualTo((int)sync.Room(room)["summary"]!["m.invited_member_count"]!), log);
            if (!isStable) Assert.That(known.Notifications, Is.EqualTo(sync.Unread(room).Notifications), log);
            var name = await Bob.GetAsync($"rooms/{Esc(room)}/state/m.room.name/");
            Assert.That(known.Name, Is.EqualTo(name.Status == 200 ? (string?)name.Json["name"] : null), log);
        }
    }

    /// <summary>One random act; what the rules forbid changes nothing.</summary>
    private async Task<string> ActAsync(Random random)
    {
        var room = _rooms[random.Next(_rooms.Count)];
        var at = $"rooms/{Esc(room)}";
        var bob = new JsonObject { ["user_id"] = Bob.UserId };
        var act = random.Next(14);
        Reply? reply = null;
        switch (act)
        {
            case 0 or 1:
                reply = await Bob.PostAsync($"{at}/join");
                break;
            case 2:
                reply = await Bob.PostAsync($"{at}/leave");
                break;
            case 3 or 4:
                reply = await Alice.PostAsync($"{at}/invite", bob);
                break;
            case 5:
                reply = await Alice.PostAsync($"{at}/kick", bob);
                break;
            case 6:
                reply = await Alice.PostAsync(random.Next(2) == 0 ? $"{at}/ban" : $"{at}/unban", bob);
                break;
            case 7:
                reply = await Bob.PostAsync($"{at}/forget");
                break;
            case 8 or 9:
                _sent.Add((room, await Alice.SaysAsync(room, $"message {_sent.Count}")));
                break;
            case 10:
                var name = random.Next(3) == 0 ? new JsonObject() : new JsonObject { ["name"] = $"n{random.Next(9)}" };
                _sent.Add((room, await Alice.SetsAsync(room, "m.room.name", name)));
                break;
            case 11:
                _sent.Add((room, await Alice.SetsAsync(
                    room, "org.example.state", new JsonObject { ["v"] = random.Next() }, $"k{random.Next(4)}")));
                break;
            case 12 when _sent.Count > 0:
                var (where, what) = _sent[random.Next(_sent.Count)];
                reply = await Alice.PutAsync($"rooms/{Esc(where)}/redact/{Esc(what)}/r{Guid.NewGuid():N}");
                break;
            case 13 when _sent.Count > 0:
                var (there, read) = _sent[random.Next(_sent.Count)];
                reply = await Bob.PostAsync($"rooms/{Esc(there)}/receipt/m.read/{Esc(read)}");
                break;
        }

        return $"{act} {room} {reply?.Status}";
    }
}
