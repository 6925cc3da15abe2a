using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Local users join rooms of a peer. Server-Server API, "Joining Rooms".</summary>
public sealed class RemoteJoinTests : RemoteJoins
{
    [Test]
    public async Task A_joined_room_is_in_sync_with_its_state(
        [Values("1", "2", "3", "6", "10", "11", "12")] string version)
    {
        var room = Peer.CreatesRoom(version);
        room.Joins($"@bob:{Peer.Peer.Name}");
        room.Adds(room.Creator, "m.room.name", "", new JsonObject { ["name"] = "The kitchen" });
        for (var i = 0; i < 3; i++)
        {
            room.Adds(room.Creator, "m.room.message", null, new JsonObject { ["msgtype"] = "m.text", ["body"] = "hi" });
        }

        var since = (string)(await Alice.GetAsync("sync")).Is(200).Json["next_batch"]!;
        var waiting = Alice.GetAsync($"sync?since={since}&timeout=20000");

        Assert.That(await JoinAsync(Alice, room), Is.EqualTo(room.RoomId));

        await AssertSameStateAsync(Alice, room);
        var incremental = JoinedRoom((await waiting).Is(200), room);
        var initial = JoinedRoom((await Alice.GetAsync("sync")).Is(200), room);
        foreach (var seen in new[] { incremental, initial })
        {
            var state = seen["state"]!["events"]!.AsArray().Concat(seen["timeline"]!["events"]!.AsArray());
            Assert.That(state.Select(IdOf), Is.EquivalentTo(room.StateIds.Values));
            Assert.That((bool?)seen["timeline"]!["limited"], Is.True, "the earlier timeline is missing");
            Assert.That(
                seen["timeline"]!["events"]!.AsArray().Select(IdOf), Is.EqualTo(new[] { room.IdOf(room.Last) }));
            Assert.That((int?)seen["summary"]!["m.joined_member_count"], Is.EqualTo(3));
        }

        var start = (string)initial["timeline"]!["prev_batch"]!;
        var before = await Alice.GetAsync($"rooms/{Escaped(room.RoomId)}/messages?dir=b&from={start}");
        Assert.That(before.Is(200).Json["chunk"]!.AsArray(), Is.Empty);
        Assert.That(before.Json["end"], Is.Null);

        var members = await Alice.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { Alice.UserId, room.Creator, $"@bob:{Peer.Peer.Name}" }));
        var body = new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" };
        (await Alice.PutAsync($"rooms/{Escaped(room.RoomId)}/send/m.room.message/1", body)).Is(200);
    }

    [Test]
    public async Task A_damaged_event_of_the_returned_state_is_requested_from_its_senders_server()
    {
        await using var other = await AnsweringPeer.StartAsync();
        Server.Knows(other.Peer);
        var room = Peer.CreatesRoom("11");
        var (carol, dave) = ($"@carol:{other.Peer.Name}", $"@dave:{Peer.Peer.Name}");
        var whole = room.Joins(carol, other.Peer);
        room.Joins(dave);
        other.Answers = request => request.Path == $"v1/event/{room.IdOf(whole)}"
            ? (200, new JsonObject { ["pdus"] = new JsonArray(whole.DeepClone()) })
            : null;
        Peer.ChangesRoom = response =>
        {
            foreach (var pdu in response["state"]!.AsArray().Concat(response["auth_chain"]!.AsArray()))
            {
                if ((string?)pdu!["state_key"] is { } key && (key == carol || key == dave))
                {
                    pdu["content"]!["displayname"] = "damaged";
                }
            }
        };

        await JoinAsync(Alice, room);

        async Task<string?> NameAsync(string user) => (string?)(await Alice.GetAsync(
            $"rooms/{Escaped(room.RoomId)}/state/m.room.member/{user}")).Is(200).Json["displayname"];
        Assert.That(await NameAsync(carol), Is.EqualTo(carol[1..]));
        Assert.That(await NameAsync(dave), Is.Null, "its server returned it so");
        Assert.That(other.Requests.Count(request => request.Path.StartsWith("v1/event/")), Is.EqualTo(1));
    }

    [Test]
    public async Task The_join_is_left_to_the_resident_server_to_send()
    {
        var room = Peer.CreatesRoom("11");
        await JoinAsync(Alice, room);
        var body = new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" };
        var said = (string)(await Alice.PutAsync(
            $"rooms/{Escaped(room.RoomId)}/send/m.room.message/1", body)).Is(200).Json["event_id"]!;

        var events = Server.Services.GetRequiredService<OpenedStorage>().Events;
        async Task<EventMarks> MarksAsync(string id) =>
            (await events.FindAnywhereAsync(id, 1, CancellationToken.None)).Single().Marks & EventMarks.Distributed;
        Assert.That(
            await MarksAsync(room.StateIds[("m.room.member", Alice.UserId)]), Is.EqualTo(EventMarks.Distributed));
        Assert.That(await MarksAsync(said), Is.EqualTo(EventMarks.None));
    }

    [Test]
    public async Task A_room_is_joined_by_an_alias_of_the_peer()
    {
        var room = Peer.CreatesRoom("10");
        var alias = $"#kitchen:{Peer.Peer.Name}";
        Peer.Aliases[alias] = room;

        var found = await Alice.GetAsync($"directory/room/{Escaped(alias)}");
        var joined = await Alice.PostAsync($"join/{Escaped(alias)}");

        Assert.That((string?)found.Is(200).Json["room_id"], Is.EqualTo(room.RoomId));
        Assert.That(found.Json["servers"]!.ToJsonString(), Is.EqualTo($"[\"{Peer.Peer.Name}\"]"));
        Assert.That((string?)joined.Is(200).Json["room_id"], Is.EqualTo(room.RoomId));
        await AssertSameStateAsync(Alice, room);
        var unknown = Escaped($"#cellar:{Peer.Peer.Name}");
        (await Alice.GetAsync($"directory/room/{unknown}")).Is(404, "M_NOT_FOUND");
        (await Alice.PostAsync($"join/{unknown}")).Is(404, "M_NOT_FOUND");
    }

    [TestCase("?server_name=NAME")]
    [TestCase("")]
    public async Task The_candidates_are_also_those_of_old_clients_and_of_the_room_id(string query)
    {
        var room = Peer.CreatesRoom("9");

        var reply = await Alice.PostAsync(
            $"rooms/{Escaped(room.RoomId)}/join{query.Replace("NAME", Peer.Peer.Name, StringComparison.Ordinal)}");

        reply.Is(200);
        await AssertSameStateAsync(Alice, room);
    }

    [Test]
    public async Task Only_the_graph_and_the_authorising_user_of_a_template_are_used()
    {
        var room = Peer.CreatesRoom("10");
        Peer.ChangesTemplate = template =>
        {
            var made = template["event"]!;
            made["content"]!["displayname"] = "Mallory";
            made["origin_server_ts"] = 1;
            made["redacts"] = "$any";
            made["unsigned"] = new JsonObject { ["age"] = 1 };
            made["org.example.added"] = true;
        };
        (await Alice.PutAsync(
            $"profile/{Alice.UserId}/displayname", new JsonObject { ["displayname"] = "Alice" })).Is(200);

        await JoinAsync(Alice, room);

        var join = room.Last;
        Assert.That(join["content"]!.ToJsonString(), Is.EqualTo("""{"displayname":"Alice","membership":"join"}"""));
        Assert.That((long)join["origin_server_ts"]!, Is.GreaterThan(1));
        Assert.That(join.ContainsKey("redacts") || join.ContainsKey("org.example.added"), Is.False);
    }

    [Test]
    public async Task A_state_event_without_a_valid_signature_is_dropped()
    {
        var room = Peer.CreatesRoom("11");
        var bob = $"@bob:{Peer.Peer.Name}";
        var badId = room.IdOf(room.Joins(bob));
        room.Adds(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
        Peer.ChangesRoom = response =>
        {
            foreach (var pdu in response["state"]!.AsArray().Concat(response["auth_chain"]!.AsArray()))
            {
                if (room.IdOf(pdu!.AsObject()) != badId) continue;
                var (name, key) = (Peer.Peer.Name, Peer.Peer.Current.Key.Id);
                pdu["signatures"]![name]![key] = new string('A', 86);
            }
        };

        await JoinAsync(Alice, room);

        var state = (await Alice.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(
            JsonNode.Parse(state.Text)!.AsArray().Select(IdOf),
            Is.EquivalentTo(room.StateIds.Values.Where(id => id != badId)));
        Assert.That(Server.Log, Does.Contain("Dropped 1 events"));
    }

    [Test]
    public async Task A_state_event_that_the_rules_reject_is_not_in_the_state()
    {
        var room = Peer.CreatesRoom("10");
        var bad = room.Adds($"@never-joined:{Peer.Peer.Name}", "m.room.topic", "", new() { ["topic"] = "Mine" });

        await JoinAsync(Alice, room);

        var state = (await Alice.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(
            JsonNode.Parse(state.Text)!.AsArray().Select(IdOf),
            Is.EquivalentTo(room.StateIds.Values.Where(id => id != room.IdOf(bad))));
    }

    [Test]
    public async Task The_next_candidate_is_asked_if_one_is_down_or_does_not_know_the_room()
    {
        var room = Peer.CreatesRoom("10");
        await using var other = await StartPeerAsync();
        var down = await PeerServer.StartAsync();
        await down.DisposeAsync();

        var reply = await Alice.PostAsync(
            $"join/{Escaped(room.RoomId)}?via={down.Peer.Name}&via={other.Peer.Name}&via={Peer.Peer.Name}");

        reply.Is(200);
        await AssertSameStateAsync(Alice, room);
    }

    [Test]
    public async Task A_server_with_only_the_first_version_of_send_join_lets_users_join(
        [Values("1", "6")] string version)
    {
        Peer.OnlyFirstVersion = true;
        var room = Peer.CreatesRoom(version);

        await JoinAsync(Alice, room);

        await AssertSameStateAsync(Alice, room);
    }

    [Test]
    public async Task After_all_local_users_left_a_room_is_joined_again_through_a_server_in_it(
        [Values("1", "10", "12")] string version, [Values] bool hasMoved)
    {
        var room = Peer.CreatesRoom(version);
        await JoinAsync(Alice, room);
        var path = $"rooms/{Escaped(room.RoomId)}";
        var body = new JsonObject { ["msgtype"] = "m.text", ["body"] = "before" };
        var said = IdOf((await Alice.PutAsync($"{path}/send/m.room.message/1", body)).Is(200).Json);
        (await Alice.PostAsync($"{path}/leave")).Is(200);
        if (hasMoved)
        {
            room.Joins($"@bob:{Peer.Peer.Name}");
            room.Adds(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
        }

        // No server is named: one of the earlier members is asked.
        await Alice.JoinsAsync(room.RoomId);

        Assert.That(Peer.Joins, Is.EqualTo(2));
        await AssertSameStateAsync(Alice, room);
        var sync = JoinedRoom(await Alice.GetAsync("sync"), room);
        Assert.That((int?)sync["summary"]!["m.joined_member_count"], Is.EqualTo(hasMoved ? 3 : 2));
        Assert.That(IdOf((await Alice.GetAsync($"{path}/event/{Escaped(said!)}")).Is(200).Json), Is.EqualTo(said));

        body["body"] = "after";
        var after = IdOf((await Alice.PutAsync($"{path}/send/m.room.message/2", body)).Is(200).Json);
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var row = await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None);
        var stored = await storage.Events.FindAsync(row!.Nid, after!, CancellationToken.None);
        var previous = JsonNode.Parse(stored!.Json.Span)!["prev_events"]!.AsArray();
        Assert.That(
            previous.Select(each => each is JsonArray pair ? (string)pair[0]! : (string)each!),
            Is.EqualTo(new[] { room.IdOf(room.Last) }),
            "no old extremity is referenced");
    }

    /// <summary>Prints how long the join takes, without the time that the peer takes to answer.</summary>
    [TestCase(2_000)]
    [TestCase(10_000)]
    [Category("Slow")]
    public async Task A_large_room_is_joined_whole(int members)
    {
        await using var server = await TestServer.StartFederatingAsync();
        var alice = await server.RegistersAsync("alice");
        var room = Peer.CreatesRoom("11");
        for (var i = 0; i < members; i++) room.Joins($"@user{i}:{Peer.Peer.Name}");
        var answered = 0L;
        Peer.AfterJoin = () => answered = Stopwatch.GetTimestamp();

        await JoinAsync(alice, room);

        TestContext.Out.WriteLine(
            $"{members} members: {Stopwatch.GetElapsedTime(answered).TotalMilliseconds:0} ms after the response");
        TestContext.Out.WriteLine(server.Log);
        var joined = await alice.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(joined.Is(200).Json["joined"]!.AsObject(), Has.Count.EqualTo(members + 2));
        await AssertSameStateAsync(alice, room);
        JoinedRoom((await alice.GetAsync("sync")).Is(200), room);
    }
}
