using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Rooms;

/// <summary>Rooms of Synapse's, as the server shows them after the import.</summary>
internal sealed class RoomTests(string sourceKind, string targetKind) : ImportedServerTests(sourceKind, targetKind)
{
    private static readonly string _alice = Id("alice");
    private static readonly string _bob = Id("bob");

    protected override IReadOnlyList<string> Tables => SynapseTables.OfRooms;

    protected override IReadOnlyList<IImportPart> Parts => [new RoomsPart(), new InvitesPart(), new StagedPart()];

    [Test]
    public async Task Members_see_the_messages_and_the_state()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(_bob);
        room.Says(_bob, "one");
        room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "Here" }, "");
        room.Says(_alice, "two");
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var bob = await server.RegistersAsync("bob");
        var sync = await bob.SyncsAsync();

        Assert.That(sync.Bodies(room.RoomId), Is.EqualTo(new[] { "one", "two" }));
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}";
        Assert.That((await bob.GetAsync($"{path}/state/m.room.topic")).Is(200).Member("topic"), Is.EqualTo("Here"));
        var joined = (await bob.GetAsync($"{path}/joined_members")).Is(200).Json["joined"]!.AsObject();
        Assert.That(joined.Select(static each => each.Key), Is.EquivalentTo(new[] { _alice, _bob }));
        await bob.SaysAsync(room.RoomId, "three");
        Assert.That(await BodiesAsync(bob, room), Is.EqualTo(new[] { "three", "two", "one" }));
    }

    [Test]
    public async Task Rooms_with_control_characters_in_their_ids_and_state_keys_are_carried()
    {
        var room = SynapseRoom.Of(_alice, roomId: "!a\u0010b:test.example");
        room.Sends(_alice, "org.example", new JsonObject { ["x"] = "\u0010" }, "key\u0010");
        room.Sends(_alice, "m.room.name", new JsonObject { ["name"] = "Na\u0010me" }, "");
        room.Says(_alice, "one");
        var other = SynapseRoom.Of(_alice, roomId: "!b:test.example");
        await room.SaveAsync(Source);
        await other.SaveAsync(Source);

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");
        var sync = await alice.SyncsAsync();

        Assert.That(sync.Joined, Is.EquivalentTo(new[] { room.RoomId, other.RoomId }));
        Assert.That(sync.Bodies(room.RoomId), Is.EqualTo(new[] { "one" }));
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}/state";
        Assert.That((await alice.GetAsync($"{path}/m.room.name")).Is(200).Member("name"), Is.EqualTo("Na\u0010me"));
        Assert.That((await alice.GetAsync($"{path}/org.example/key%10")).Is(200).Member("x"), Is.EqualTo("\u0010"));
    }

    [Test]
    public async Task A_redacted_event_stays_redacted_though_Synapse_still_has_its_content()
    {
        var room = SynapseRoom.Of(_alice);
        var secret = room.Says(_alice, "secret");
        var redaction = room.Redacts(_alice, secret.Id);
        room.Redacts(_alice, "$missing");
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");
        var messages = await MessagesAsync(alice, room);

        var shown = messages.Single(each => (string)each!["event_id"]! == secret.Id)!;
        Assert.That(shown["content"]!.AsObject(), Is.Empty);
        Assert.That((string)shown["unsigned"]!["redacted_because"]!["event_id"]!, Is.EqualTo(redaction.Id));
        Assert.That(
            messages.Count(static each => (string)each!["type"]! == "m.room.redaction"),
            Is.EqualTo(1),
            "The redaction whose event is missing waits.");
    }

    [Test]
    public async Task Rejected_and_soft_failed_events_are_hidden_with_the_reason_of_Synapse()
    {
        var room = SynapseRoom.Of(_alice);
        var rejected = room.Says("@mallory:other.example", "no", new SynapseFate { Rejection = "auth_error" });
        var soft = room.Says(_alice, "late", new SynapseFate { IsSoftFailed = true });
        room.Says(_alice, "yes");
        await room.SaveAsync(Source);

        await ImportAsync();
        await using (var target = await OpenTargetAsync(null))
        {
            var row = (await target.Events.FindAnywhereAsync(rejected.Id, 1, Stop))[0];
            Assert.That(row.Marks & EventMarks.Rejected, Is.Not.Zero);
            var refusal = await target.Events.RefusalAsync(row.Nid, Stop);
            Assert.That((refusal!.Clause, refusal.Reason), Is.EqualTo(("imported", "auth_error")));
            var softRow = (await target.Events.FindAnywhereAsync(soft.Id, 1, Stop))[0];
            Assert.That(softRow.Marks & EventMarks.SoftFailed, Is.Not.Zero);
            Assert.That(softRow.Position, Is.EqualTo(soft.Position));
        }

        var server = await StartAsync();
        var alice = await server.RegistersAsync("alice");
        Assert.That(await BodiesAsync(alice, room), Is.EqualTo(new[] { "yes" }));
    }

    [Test]
    public async Task A_compressor_that_rewrote_state_groups_changes_nothing()
    {
        var (plain, rewritten) = (SynapseRoom.Of(_alice), SynapseRoom.Of(_alice));
        foreach (var room in new[] { plain, rewritten })
        {
            foreach (var at in Enumerable.Range(0, 80))
            {
                room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = $"{at}" }, "");
                room.Says(_alice, $"{at}");
            }
        }

        foreach (var each in rewritten.Events.Where(static each => each.Group % 3 == 0 && each.Pdu.IsState))
        {
            rewritten.Whole(each);
        }

        await plain.SaveAsync(Source);
        await rewritten.SaveAsync(Source);
        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        var one = (await target.Rooms.FindAsync(plain.RoomId, Stop))!;
        var other = (await target.Rooms.FindAsync(rewritten.RoomId, Stop))!;
        Assert.That(other.Header.LastStep, Is.EqualTo(one.Header.LastStep).And.EqualTo(84));
        Assert.That(await target.Imports.FindingsAsync("", 0, 10, Stop), Is.Empty);
    }

    [Test]
    public async Task What_is_faulty_costs_itself_and_is_named()
    {
        var room = SynapseRoom.Of(_alice);
        var bare = room.Says(_alice, "no JSON", new SynapseFate { HasNoJson = true });
        var forged = room.Says(_alice, "forged", new SynapseFate { Json = room.Events.First().Pdu.Canonical.ToText() });
        var topic = room.Sends(
            _alice, "m.room.topic", new JsonObject { ["topic"] = "Kept" }, "", new SynapseFate { HasNoGroup = true });
        room.Says(_alice, "fine");
        room.Row(
            "state_groups_state", ("state_group", topic.Group), ("room_id", room.RoomId), ("type", "m.dangling"),
            ("state_key", ""), ("event_id", "$dangling"));
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");

        Assert.That(await BodiesAsync(alice, room), Is.EqualTo(new[] { "fine" }));
        Assert.That(
            (await alice.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/state/m.room.topic")).Member("topic"),
            Is.EqualTo("Kept"));
        await server.StopAsync();
        var named = (await FindingsAsync()).Select(static each => (each.Kind, each.Subject));
        Assert.That(
            named,
            Is.EquivalentTo(new[]
            {
                ("events", bare.Id), ("events", forged.Id), ("state groups", topic.Id), ("state entries", "$dangling"),
            }));
    }

    [Test]
    public async Task Members_of_a_room_that_cannot_be_carried_see_it_as_left()
    {
        var room = SynapseRoom.Of(_alice);
        var partial = SynapseRoom.Of(_alice);
        await room.SaveAsync(Source);
        await partial.SaveAsync(Source);
        await Source.ExecuteAsync($"UPDATE rooms SET room_version = 'x.y' WHERE room_id = '{room.RoomId}'");
        await Source.ExecuteAsync($"INSERT INTO partial_state_rooms (room_id) VALUES ('{partial.RoomId}')");

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");
        var sync = await alice.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } });

        Assert.That(sync.Joined, Is.Empty);
        Assert.That(sync.Left, Is.EquivalentTo(new[] { room.RoomId, partial.RoomId }));
        await server.StopAsync();
        Assert.That(
            (await FindingsAsync()).Select(static each => each.Subject),
            Is.EquivalentTo(new[] { room.RoomId, partial.RoomId }));
    }

    [Test]
    public async Task A_room_that_all_have_left_is_read_up_to_there()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(_bob);
        room.Says(_bob, "before");
        room.Leaves(_bob);
        room.Says(_alice, "after");
        room.Leaves(_alice);
        room.IsLeftByAll();
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var bob = await server.RegistersAsync("bob");

        Assert.That(await BodiesAsync(bob, room), Is.EqualTo(new[] { "before" }));
        Assert.That((await bob.SyncsAsync()).Joined, Is.Empty);
        await server.StopAsync();
        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        Assert.That((row.Header.JoinedCount, row.Header.CurrentStep), Is.EqualTo((0, row.Header.LastStep)));
    }

    [Test]
    public async Task Backfilled_events_lie_in_their_gap_and_missing_ones_leave_numbers_free()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins("@eve:other.example");
        var before = room.Says(_alice, "before");
        var filled = room.Says("@eve:other.example", "filled", new SynapseFate { IsBackfilled = true });
        var after = room.Says(_alice, "after", new SynapseFate { On = [filled] });
        var late = room.Says(_alice, "late", new SynapseFate { Missing = ["$missing"] });
        room.Row("event_backward_extremities", ("event_id", "$missing"), ("room_id", room.RoomId));
        await room.SaveAsync(Source);

        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        var ordinals = new Dictionary<string, uint>();
        foreach (var each in new[] { before, filled, after, late })
        {
            var found = (await target.Events.FindAsync(row.Nid, each.Id, Stop))!;
            ordinals[each.Id] = found.Nid.Ordinal;
            Assert.That(found.Position, Is.EqualTo(each.Position));
        }

        Assert.That(ordinals[filled.Id], Is.EqualTo(ordinals[before.Id] + 1));
        Assert.That(ordinals[after.Id], Is.EqualTo(ordinals[filled.Id] + 1));
        Assert.That(ordinals[late.Id], Is.EqualTo(ordinals[after.Id] + 1 + 100_000));
        Assert.That(await target.Followers.GapsAsync(row.Nid, 10, Stop), Is.EqualTo(new[] { "$missing" }));
    }

    [Test]
    public async Task The_current_state_at_an_old_position_is_what_Synapse_recorded([Values] bool hasDeltas)
    {
        var room = new SynapseRoom("10", $"!log{hasDeltas}:test.example") { HasDeltas = hasDeltas };
        room.Sends(_alice, "m.room.create", new JsonObject { ["creator"] = _alice }, "");
        room.Joins(_alice);
        var first = room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "1" }, "");
        room.Says(_alice, "between");
        var second = room.Sends(_alice, "m.room.topic", new JsonObject { ["topic"] = "2" }, "");
        await room.SaveAsync(Source);

        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        foreach (var each in new[] { first, second })
        {
            var found = (await target.Events.FindAsync(row.Nid, each.Id, Stop))!;
            Assert.That(await target.Rooms.CurrentStepAtAsync(row.Nid, each.Position, Stop), Is.EqualTo(found.Step));
        }

        Assert.That(
            await target.Rooms.CurrentStepAtAsync(row.Nid, second.Position - 1, Stop),
            Is.EqualTo(await target.Rooms.CurrentStepAtAsync(row.Nid, first.Position, Stop)));
    }

    [Test]
    public async Task A_retry_after_the_switch_makes_no_second_message()
    {
        var room = SynapseRoom.Of(_alice);
        var sent = room.Says(_alice, "once");
        room.Row(
            "event_txn_id_device_id", ("event_id", sent.Id), ("room_id", room.RoomId), ("user_id", _alice),
            ("device_id", "PHONE"), ("txn_id", "m1"), ("inserted_ts", 1));
        await room.SaveAsync(Source);

        var server = await StartImportedAsync();
        var phone = await (await server.RegistersAsync("alice")).LogsInAsync("PHONE");

        Assert.That(await phone.SaysAsync(room.RoomId, "once", transaction: "m1"), Is.EqualTo(sent.Id));
        Assert.That(await BodiesAsync(phone, room), Is.EqualTo(new[] { "once" }));
    }

    [Test]
    public async Task What_a_device_sent_in_the_last_month_keeps_its_transaction_id()
    {
        var room = SynapseRoom.Of(_alice);
        var made = new SynapseFate { Metadata = """{"device_id":"PHONE","txn_id":"m1"}""" };
        var (old, late) = (room.Says(_alice, "old", made), room.Says(_alice, "late", made));
        foreach (var (sent, days) in new[] { (old, 31), (late, 29) })
        {
            var at = TimeProvider.System.GetUtcNow().AddDays(-days).ToUnixTimeMilliseconds();
            room.Then($"UPDATE events SET received_ts = {at} WHERE event_id = '{sent.Id}'");
        }

        await room.SaveAsync(Source);

        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        var first = await target.Events.FindAsync(row.Nid, old.Id, Stop);
        var second = await target.Events.FindAsync(row.Nid, late.Id, Stop);
        Assert.That(first!.Transaction, Is.Null);
        Assert.That(second!.Transaction, Is.EqualTo(new SentAs("PHONE", "m1")));
    }

    [Test]
    public async Task Invites_of_rooms_elsewhere_stay_open_and_declined_ones_stay_ended()
    {
        var (open, declined) = (SynapseRoom.Of("@eve:other.example"), SynapseRoom.Of("@eve:other.example"));
        var outOfBand = new SynapseFate
        {
            IsOutlier = true,
            Metadata = """{"out_of_band_membership":true,"outlier":true}""",
            Unsigned = """
                {"invite_room_state":[{"type":"m.room.name","state_key":"","sender":"@eve:other.example",
                "content":{"name":"There"}}]}
                """,
        };
        var invite = open.Changes("@eve:other.example", _alice, "invite", outOfBand);
        declined.Changes("@eve:other.example", _alice, "invite", outOfBand);
        var leave = declined.Changes(_alice, _alice, "leave", outOfBand);
        foreach (var (room, last) in new[] { (open, invite), (declined, leave) })
        {
            room.Row(
                "local_current_membership", ("room_id", room.RoomId), ("user_id", _alice), ("event_id", last.Id),
                ("membership", last.Pdu.Content.Text("membership")));
            room.Then($"DELETE FROM events WHERE room_id = '{room.RoomId}' AND NOT outlier");
            await room.SaveAsync(Source);
            await Source.ExecuteAsync($"DELETE FROM current_state_events WHERE room_id = '{room.RoomId}'");
            await Source.ExecuteAsync($"DELETE FROM event_forward_extremities WHERE room_id = '{room.RoomId}'");
        }

        var server = await StartImportedAsync();
        var alice = await server.RegistersAsync("alice");
        var sync = await alice.SyncsAsync();

        Assert.That(sync.Invited, Is.EqualTo(new[] { open.RoomId }));
        Assert.That(
            sync.InviteState(open.RoomId).Select(static each => (string)each["type"]!),
            Is.EquivalentTo(new[] { "m.room.name", "m.room.member" }));
        Assert.That(sync.Joined, Is.Empty);
    }

    [Test]
    public async Task Received_events_that_wait_wait_here_too()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins("@eve:other.example");
        await room.SaveAsync(Source);
        var json = """{"type":"m.room.message"}""";
        await Source.InsertAsync(
            "federation_inbound_events_staging",
            ("origin", "other.example"),
            ("room_id", room.RoomId),
            ("event_id", "$waits"),
            ("received_ts", 5),
            ("event_json", json),
            ("internal_metadata", "{}"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        var row = (await target.Rooms.FindAsync(room.RoomId, Stop))!;
        var staged = await target.StagedEvents.OfRoomAsync(row.Nid, 10, Stop);
        Assert.That(
            staged.Select(static each => (each.EventId, each.Peer, each.StagedAt)),
            Is.EqualTo(new[] { ("$waits", "other.example", 5L) }));
    }

    [Test]
    public async Task Without_history_a_room_has_its_state_and_goes_on()
    {
        var room = SynapseRoom.Of(_alice);
        room.Joins(_bob);
        room.Says(_bob, "gone");
        room.Says(_bob, "last");
        await room.SaveAsync(Source);
        Choices = new ImportChoices { WithoutHistory = true };

        var server = await StartImportedAsync();
        var bob = await server.RegistersAsync("bob");
        await bob.SaysAsync(room.RoomId, "next");

        Assert.That(await BodiesAsync(bob, room), Is.EqualTo(new[] { "next", "last" }));
        var joined = (await bob.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/joined_members")).Is(200);
        Assert.That(joined.Json["joined"]!.AsObject(), Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Rooms_without_local_members_are_left_out_by_choice()
    {
        var (kept, left) = (SynapseRoom.Of(_alice), SynapseRoom.Of(_bob));
        left.Leaves(_bob);
        left.IsLeftByAll();
        await kept.SaveAsync(Source);
        await left.SaveAsync(Source);
        Choices = new ImportChoices { WithoutEmptyRooms = true };

        await ImportAsync();

        await using var target = await OpenTargetAsync(null);
        Assert.That(await target.Rooms.FindAsync(kept.RoomId, Stop), Is.Not.Null);
        Assert.That(await target.Rooms.FindAsync(left.RoomId, Stop), Is.Null);
    }

    private static async Task<JsonArray> MessagesAsync(TestUser user, SynapseRoom room)
    {
        var reply = await user.GetAsync($"rooms/{Uri.EscapeDataString(room.RoomId)}/messages?dir=b&limit=100");
        return reply.Is(200).Json["chunk"]!.AsArray();
    }

    private static async Task<List<string>> BodiesAsync(TestUser user, SynapseRoom room)
    {
        var messages = await MessagesAsync(user, room);
        return [.. messages.Select(static each => (string?)each!["content"]!["body"]).OfType<string>()];
    }
}

/// <summary>Bytes as text.</summary>
internal static class Texts
{
    public static string ToText(this ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
