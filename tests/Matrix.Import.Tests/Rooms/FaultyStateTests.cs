using System.Text.Json.Nodes;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Rooms;

/// <summary>Rooms whose state names what cannot be read.</summary>
internal sealed class FaultyStateTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private static readonly string _alice = Id("alice");
    private static readonly string _bob = Id("bob");

    protected override IReadOnlyList<string> Tables => SynapseTables.OfRooms;

    protected override IReadOnlyList<IImportPart> Parts => [new RoomsPart(), new InvitesPart()];

    [Test]
    public async Task A_state_event_that_cannot_be_read_is_missing_from_the_state_and_nothing_else_is(
        [Values("", "{\"type\":", "[]")] string json, [Values] bool isWhole)
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(_bob);
        room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "1" }, "");
        room.Says(_bob, "one");
        var broken = room.Sends(
            _alice, "m.room.topic", new JsonObject { ["topic"] = "2" }, "", new SynapseFate { Json = json });
        room.Says(_bob, "two");
        var name = room.Sends(_alice, "m.room.name", new JsonObject { ["name"] = "Named" }, "");
        room.Says(_bob, "three");
        if (isWhole) room.Whole(name);
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var bob = await server.RegistersAsync("bob");
        var state = await StateAsync(bob, room);
        var sync = await bob.SyncsAsync();
        await bob.SaysAsync(room.RoomId, "four");

        Assert.That(
            state.Keys,
            Is.EquivalentTo(new[]
            {
                "m.room.create|", $"m.room.member|{_alice}", "m.room.power_levels|", "m.room.join_rules|",
                $"m.room.member|{_bob}", "m.room.name|",
            }));
        Assert.That(sync.Bodies(room.RoomId), Is.EqualTo(new[] { "one", "two", "three" }));
        await server.StopAsync();
        Assert.That(
            (await FindingsAsync()).Select(static each => (each.Kind, each.Subject)),
            Is.EquivalentTo(new[] { ("events", broken.Id), ("state entries", broken.Id) }));
        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        var states = new StateStore(target.State, 1 << 20);
        for (var step = 1; step <= row.Header.LastStep; step++)
        {
            var entries = (await states.AtAsync(row.Nid, step, Stop)).Entries();
            var nids = entries.Select(entry => EventNid.Of(row.Nid, entry.Ordinal)).ToList();
            Assert.That(await target.Events.IdsAsync(nids, Stop), Has.Count.EqualTo(nids.Count), $"Step {step}.");
        }
    }

    [Test]
    public async Task Verification_counts_no_room_as_differing_for_an_event_that_was_left_out_by_name()
    {
        var (inside, last) = (SynapseRoom.Of(_alice), SynapseRoom.Of(_alice));
        foreach (var room in new[] { inside, last })
        {
            room.Says(_alice, "before");
            room.Sends(
                _alice, "m.room.topic", new JsonObject { ["topic"] = "lost" }, "",
                new SynapseFate { HasNoJson = true });
        }

        inside.Sends(
            _bob, "m.room.member", new JsonObject { ["membership"] = "join" }, _bob,
            new SynapseFate { HasNoJson = true });
        inside.Says(_alice, "after");
        await inside.SaveAsync(Source);
        await last.SaveAsync(Source);
        await ImportAsync();

        var report = await VerifyAsync();
        Assert.That((report.Rooms, report.DifferingRooms), Is.EqualTo((2, 0)));
        Assert.That(report.Differences, Is.Empty);
        var events = report.LeftOut.Where(static each => each.Kind == "events");
        Assert.That(events.Sum(static each => each.Count), Is.EqualTo(3));
    }

    [Test]
    public async Task A_member_whose_event_cannot_be_read_is_no_member_and_sees_the_room_as_left([Values] bool hasRow)
    {
        var room = SynapseRoom.Of(_alice);
        room.Says(_alice, "before");
        var join = room.Sends(
            _bob, "m.room.member", new JsonObject { ["membership"] = "join" }, _bob,
            new SynapseFate { HasNoJson = true });
        room.Says(_alice, "after");
        if (!hasRow) room.Then($"DELETE FROM events WHERE event_id = '{join.Id}'");
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var (alice, bob) = (await server.RegistersAsync("alice"), await server.RegistersAsync("bob"));

        var withLeft = new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } };
        Assert.That((await bob.SyncsAsync()).Joined, Is.Empty);
        Assert.That((await bob.SyncsAsync(filter: withLeft)).Left, Is.EqualTo(new[] { room.RoomId }));
        Assert.That((await alice.SyncsAsync(filter: withLeft)).Left, Is.Empty);
        var joined = (await alice.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/joined_members")).Is(200);
        Assert.That(joined.Json["joined"]!.AsObject().Select(static each => each.Key), Is.EqualTo(new[] { _alice }));
        await bob.JoinsAsync(room.RoomId);
        var again = await bob.SyncsAsync(filter: withLeft);
        Assert.That((again.Joined, again.Left), Is.EqualTo((new[] { room.RoomId }, Array.Empty<string>())));
    }

    [Test]
    public async Task Power_levels_that_cannot_be_read_leave_the_creator_in_charge()
    {
        var room = new SynapseRoom("10", "!levels:test.example");
        room.Sends(_alice, "m.room.create", new JsonObject { ["creator"] = _alice, ["room_version"] = "10" }, "");
        room.Joins(_alice);
        var broken = room.Sends(
            _alice, "m.room.power_levels", new JsonObject { ["users"] = new JsonObject { [_alice] = 100 } }, "",
            new SynapseFate { Json = "no JSON" });
        room.Sends(_alice, "m.room.join_rules", new JsonObject { ["join_rule"] = "public" }, "");
        room.Joins(_bob);
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var (alice, bob) = (await server.RegistersAsync("alice"), await server.RegistersAsync("bob"));
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}/state/m.room.topic";

        (await bob.PutAsync(path, new JsonObject { ["topic"] = "bob's" })).Is(403, "M_FORBIDDEN");
        (await alice.PutAsync(path, new JsonObject { ["topic"] = "alice's" })).Is(200);
        await server.StopAsync();
        Assert.That((await FindingsAsync()).Select(static each => each.Subject), Is.All.EqualTo(broken.Id));
    }

    [Test]
    public async Task A_room_without_its_create_event_is_left_out_and_its_members_see_it_as_left(
        [Values] bool isNamed)
    {
        var (kept, room) = (SynapseRoom.Of(_alice), SynapseRoom.Of(_alice));
        room.Says(_alice, "lost");
        kept.Says(_alice, "kept");
        var create = room.Events.First().Id;
        room.Then($"DELETE FROM events WHERE event_id = '{create}'");
        room.Then($"DELETE FROM event_json WHERE event_id = '{create}'");
        await kept.SaveAsync(Source);
        await room.SaveAsync(Source);
        if (!isNamed) await Source.ExecuteAsync($"DELETE FROM current_state_events WHERE event_id = '{create}'");

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");
        var sync = await alice.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } });

        Assert.That(sync.Joined, Is.EqualTo(new[] { kept.RoomId }));
        Assert.That(sync.Left, Is.EqualTo(new[] { room.RoomId }));
        await server.StopAsync();
        var finding = (await FindingsAsync()).Single();
        Assert.That((finding.Kind, finding.Subject), Is.EqualTo(("rooms", room.RoomId)));
        Assert.That(finding.Reason, Does.Contain("create event"));
    }

    private static async Task<Dictionary<string, JsonObject>> StateAsync(TestUser user, SynapseRoom room)
    {
        var reply = await user.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/state");
        return JsonNode.Parse(reply.Is(200).Text)!.AsArray()
            .Select(static each => each!.AsObject())
            .ToDictionary(SyncReply.KeyOf);
    }
}
