using System.Text.Json.Nodes;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Rooms;

/// <summary>Rooms that had a life: purged, reset, upgraded, left by all and joined again.</summary>
internal sealed class RoomLifeTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const string Eve = "@eve:other.example";

    private static readonly string _alice = Id("alice");
    private static readonly string _bob = Id("bob");

    protected override IReadOnlyList<string> Tables => SynapseTables.OfRooms;

    protected override IReadOnlyList<IImportPart> Parts =>
        [new RoomsPart(), new WritersPart(), new InvitesPart(), new StagedPart()];

    [Test]
    public async Task A_room_whose_history_was_purged_begins_where_the_purge_ended([Values] bool isFederated)
    {
        var room = SynapseRoom.Of(_alice);
        if (isFederated) room.Joins(Eve);
        room.Joins(_bob);
        room.Says(_bob, "purged");
        room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "1" }, "");
        room.Says(_alice, "purged too");
        var first = room.Says(_bob, "kept");
        room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "2" }, "");
        room.Says(_alice, "last");
        room.PurgesBefore(first);
        await room.SaveAsync(Source);

        await ImportAsync();
        await AgreesAsync(room);
        var server = await StartAsync();
        var bob = await server.RegistersAsync("bob");
        var sync = await bob.SyncsAsync();
        await bob.SaysAsync(room.RoomId, "new");

        Assert.That(sync.Bodies(room.RoomId), Is.EqualTo(new[] { "kept", "last" }));
        Assert.That(await BodiesAsync(bob, room), Is.EqualTo(new[] { "new", "last", "kept" }));
        Assert.That(await StateOfAsync(bob, room, "m.room.topic", "topic"), Is.EqualTo("2"));
        var at = await bob.GetAsync(
            $"rooms/{Uri.EscapeDataString(room.RoomId)}/context/{Uri.EscapeDataString(first.Id)}?limit=0");
        var topics = at.Is(200).Json["state"]!.AsArray().Where(static each => (string)each!["type"]! == "m.room.topic");
        Assert.That(topics.Select(static each => (string)each!["content"]!["topic"]!), Is.All.EqualTo("1"));
        await server.StopAsync();
        Assert.That(await FindingsAsync(), Is.Empty);
    }

    [Test]
    public async Task State_that_Synapse_reset_is_as_Synapse_resolved_it()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(Eve);
        var topic = room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "old" }, "");
        var joined = room.Joins(_bob);
        var fork = room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "new" }, "");
        var other = room.Says(Eve, "on a fork", new SynapseFate { On = [joined] });
        room.Says(
            Eve, "merges",
            new SynapseFate
            {
                On = [fork, other],
                Resets = new Dictionary<(string, string), SynapseEvent?>
                {
                    [("m.room.topic", "")] = topic,
                    [("m.room.member", _bob)] = null,
                },
            });
        room.Says(_alice, "last");
        await room.SaveAsync(Source);

        await ImportAsync();
        await AgreesAsync(room);
        var server = await StartAsync();
        var (alice, bob) = (await server.RegistersAsync("alice"), await server.RegistersAsync("bob"));

        Assert.That(await StateOfAsync(alice, room, "m.room.topic", "topic"), Is.EqualTo("old"));
        Assert.That((await bob.SyncsAsync()).Joined, Is.Empty);
        await alice.SaysAsync(room.RoomId, "next");
        Assert.That(await StateOfAsync(alice, room, "m.room.topic", "topic"), Is.EqualTo("old"));
        await server.StopAsync();
        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        Assert.That(
            await target.Rooms.CurrentStepAtAsync(row.Nid, fork.Position, Stop),
            Is.EqualTo((await target.Events.FindAsync(row.Nid, fork.Id, Stop))!.Step),
            "Before the reset the newer topic was the current one.");
    }

    [Test]
    public async Task State_that_was_reset_without_an_event_is_as_Synapse_has_it_at_the_end()
    {
        // Synapse recomputes the current state by itself, for example when it takes back partial state.
        var room = SynapseRoom.Of(_alice);
        var old = room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "old" }, "");
        room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "new" }, "");
        room.Says(_alice, "last");
        await room.SaveAsync(Source);
        await Source.ExecuteAsync(
            $"""
            UPDATE current_state_events SET event_id = '{old.Id}'
            WHERE room_id = '{room.RoomId}' AND type = 'm.room.topic'
            """);

        await ImportAsync();
        await AgreesAsync(room);
        var server = await StartAsync();
        var alice = await server.RegistersAsync("alice");

        Assert.That(await StateOfAsync(alice, room, "m.room.topic", "topic"), Is.EqualTo("old"));
    }

    [Test]
    public async Task An_upgraded_room_leads_to_its_successor_and_back()
    {
        var old = SynapseRoom.Of(_alice, "9");
        old.Joins(_bob);
        old.Says(_bob, "there");
        var made = new SynapseRoom("10", $"!next:{ServerName}");
        made.Sends(
            _alice,
            "m.room.create",
            new JsonObject
            {
                ["room_version"] = "10",
                ["creator"] = _alice,
                ["predecessor"] = new JsonObject { ["room_id"] = old.RoomId, ["event_id"] = "$last" },
            },
            "");
        made.Joins(_alice);
        made.Sends(_alice, "m.room.join_rules", new JsonObject { ["join_rule"] = "public" }, "");
        old.Sends(_alice, "m.room.tombstone", new JsonObject { ["replacement_room"] = made.RoomId }, "");
        old.Sends(
            _alice,
            "m.room.power_levels",
            new JsonObject { ["users"] = new JsonObject { [_alice] = 100 }, ["events_default"] = 50 },
            "");
        made.Joins(_bob);
        made.Says(_bob, "here");
        await old.SaveAsync(Source);
        await made.SaveAsync(Source);

        await ImportAsync();
        await AgreesAsync(old, made);
        var server = await StartAsync();
        var bob = await server.RegistersAsync("bob");
        var sync = await bob.SyncsAsync();

        Assert.That(sync.Bodies(old.RoomId), Is.EqualTo(new[] { "there" }));
        Assert.That(sync.Bodies(made.RoomId), Is.EqualTo(new[] { "here" }));
        Assert.That(
            await StateOfAsync(bob, old, "m.room.tombstone", "replacement_room"), Is.EqualTo(made.RoomId));
        var create = await bob.GetAsync($"rooms/{Uri.EscapeDataString(made.RoomId)}/state/m.room.create");
        Assert.That((string)create.Is(200).Json["predecessor"]!["room_id"]!, Is.EqualTo(old.RoomId));
        var send = await bob.PutAsync(
            $"rooms/{Uri.EscapeDataString(old.RoomId)}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "late" });
        send.Is(403, "M_FORBIDDEN");
        await bob.SaysAsync(made.RoomId, "still here");
    }

    [Test]
    public async Task A_room_that_all_left_and_one_joined_again_is_joined_with_a_gap()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(Eve);
        room.Joins(_bob);
        room.Says(_bob, "before");
        room.Leaves(_bob);
        room.Leaves(_alice);
        room.IsLeftByAll();
        var back = room.ComesBack(_bob, "$ofEve");
        room.Row("event_backward_extremities", ("event_id", "$ofEve"), ("room_id", room.RoomId));
        room.Says(Eve, "welcome back");
        await room.SaveAsync(Source);

        await ImportAsync();
        await AgreesAsync(room);
        var server = await StartAsync();
        var (alice, bob) = (await server.RegistersAsync("alice"), await server.RegistersAsync("bob"));
        var sync = await bob.SyncsAsync();

        Assert.That(sync.Joined, Is.EqualTo(new[] { room.RoomId }));
        Assert.That(sync.Bodies(room.RoomId), Does.Contain("welcome back"));
        var joined = await bob.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/joined_members");
        Assert.That(
            joined.Is(200).Json["joined"]!.AsObject().Select(static each => each.Key),
            Is.EquivalentTo(new[] { _bob, Eve }));
        Assert.That((await alice.SyncsAsync()).Joined, Is.Empty);
        await server.StopAsync();
        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        Assert.That(await target.Followers.GapsAsync(row.Nid, 10, Stop), Is.EqualTo(new[] { "$ofEve" }));
        Assert.That((await target.Events.FindAsync(row.Nid, back.Id, Stop))!.Position, Is.EqualTo(back.Position));
    }

    /// <summary>Asserts that `mx import verify` finds no difference in these rooms, and no others.</summary>
    private async Task AgreesAsync(params SynapseRoom[] rooms)
    {
        var report = await VerifyAsync();
        Assert.That(report.Differences, Is.Empty);
        Assert.That(report.Rooms, Is.EqualTo(rooms.Length));
    }

    private static async Task<List<string>> BodiesAsync(TestUser user, SynapseRoom room)
    {
        var reply = await user.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/messages?dir=b&limit=100");
        return
        [
            .. reply.Is(200).Json["chunk"]!.AsArray().Select(static each => (string?)each!["content"]!["body"])
                .OfType<string>(),
        ];
    }

    private static async Task<string> StateOfAsync(TestUser user, SynapseRoom room, string type, string member) =>
        (await user.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/state/{type}")).Is(200).Member(member);
}
