using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms;
using Matrix.Host.Storage.Tables.Memberships;
using JsonNode = System.Text.Json.Nodes.JsonNode;

namespace Matrix.Host.Tests.Rooms;

[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class LaneTests(string databaseKind)
{
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts() => _world = await RoomsWorld.StartsAsync(databaseKind);

    [TearDown]
    public async Task Stops() => await _world.DisposeAsync();

    [Test]
    public async Task Concurrent_sends_make_one_chain_and_all_are_there_after_a_restart()
    {
        var room = await _world.CreatesRoomAsync("alice");
        var sent = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(i => _world.SaysAsync("alice", room, $"message {i}")));
        await _world.RestartsAsync();

        var timeline = await _world.TimelineAsync(room);
        Assert.Multiple(() =>
        {
            Assert.That(sent.Select(result => result.Value), Is.SubsetOf(timeline.Select(stored => stored.EventId)));
            for (var i = 1; i < timeline.Count; i++)
            {
                Assert.That(timeline[i].Pdu.PrevEvents, Is.EqualTo(new[] { timeline[i - 1].EventId }));
                Assert.That(timeline[i].Pdu.Depth, Is.EqualTo(i + 1));
            }
        });
    }

    [TestCase("1")]
    [TestCase("2")]
    [TestCase("3")]
    [TestCase("6")]
    [TestCase("10")]
    [TestCase("11")]
    [TestCase("12")]
    public async Task A_room_of_each_version_starts_with_its_creator_and_their_power(string version)
    {
        var room =
            await _world.CreatesRoomAsync("alice", request => request with { Version = version, Name = "Kitchen" });
        var renamed = await _world.SetsAsync("alice", room, "m.room.name", "", ("name", Json.Of("Larder")));
        await _world.JoinsAsync("bob", room);
        var refused = await _world.SetsAsync("bob", room, "m.room.name", "", ("name", Json.Of("Bob's")));

        Assert.Multiple(() =>
        {
            Assert.That(renamed.Failure, Is.Null);
            Assert.That(refused.Failure?.Kind, Is.EqualTo(RoomFailureKind.Forbidden));
        });
    }

    [TestCase("1")]
    [TestCase("2")]
    public async Task Events_of_the_first_versions_have_ids_of_this_server_and_name_others_with_their_hashes(
        string version)
    {
        var room = await _world.CreatesRoomAsync("alice", request => request with { Version = version });
        var said = await _world.SaysAsync("alice", room, "hello");
        await _world.RedactsAsync("alice", room, said.Value!);
        await _world.RestartsAsync();
        await _world.SaysAsync("alice", room, "after the restart");

        var format = EventFormat.ForVersion(version)!;
        var timeline = (await _world.TimelineAsync(room)).ToDictionary(stored => stored.EventId, stored => stored.Pdu);
        Assert.Multiple(() =>
        {
            Assert.That(said.Value, Does.EndWith($":{RoomsWorld.Server}"));
            Assert.That(timeline[said.Value!].Content.Has("body"), Is.False, "redacted");
            foreach (var pdu in timeline.Values)
            {
                var json = JsonNode.Parse(pdu.Canonical.Span)!;
                Assert.That((string?)json["event_id"], Is.EqualTo(pdu.EventId));
                foreach (var named in json["prev_events"]!.AsArray().Concat(json["auth_events"]!.AsArray()))
                {
                    var hash = PduFormat.ReferenceHashOf(format, timeline[(string)named![0]!]);
                    Assert.That((string?)named[1]!["sha256"], Is.EqualTo(UnpaddedBase64.encode(hash)), pdu.Type);
                }
            }

            Assert.That(timeline.Values.Count(pdu => pdu.PrevEvents.Length == 1), Is.EqualTo(timeline.Count - 1));
        });
    }

    [Test]
    public async Task State_is_the_same_tree_after_a_restart_however_many_checkpoints_lie_between()
    {
        var room = await _world.CreatesRoomAsync("alice");
        for (var i = 0; i < 150; i++)
        {
            await _world.SetsAsync("alice", room, "org.example.cell", $"{i % 40}", ("value", Json.Of(i)));
        }

        var before = (await _world.Rooms.Rooms.FindAsync(room, default))!;
        await _world.RestartsAsync();
        var after = (await _world.Rooms.Rooms.FindAsync(room, default))!;
        await _world.SetsAsync("alice", room, "org.example.cell", "0", ("value", Json.Of(-1)));

        Assert.Multiple(() =>
        {
            Assert.That(after.State.Root.ToArray(), Is.EqualTo(before.State.Root.ToArray()));
            Assert.That(after.Step, Is.EqualTo(before.Step));
            Assert.That(after.JoinedCount, Is.EqualTo(1));
        });
    }

    [Test]
    public async Task A_repeated_transaction_answers_the_same_event_even_after_a_restart()
    {
        var room = await _world.CreatesRoomAsync("alice");
        var together = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => _world.SaysAsync("alice", room, "once", "txn")));
        await _world.RestartsAsync();
        var later = await _world.SaysAsync("alice", room, "once", "txn");

        var timeline = await _world.TimelineAsync(room);
        Assert.Multiple(() =>
        {
            Assert.That(together.Select(result => result.Value).Distinct().Count(), Is.EqualTo(1));
            Assert.That(later.Value, Is.EqualTo(together[0].Value));
            Assert.That(timeline.Count(stored => stored.Pdu.Type == "m.room.message"), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task Joins_of_one_user_at_once_make_one_event_and_each_answer_comes_when_it_is_durable()
    {
        var room = await _world.CreatesRoomAsync("alice");
        await _world.KnowsAsync("bob");
        var nid = (await _world.Rooms.Rooms.FindAsync(room, default))!.Room.Nid;
        var durable = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            var failure = await _world.JoinsAsync("bob", room);
            return failure is null
                ? await _world.Storage.Memberships.FindAsync(nid, RoomsWorld.Id("bob"), default)
                : null;
        })));

        var timeline = await _world.TimelineAsync(room);
        Assert.Multiple(() =>
        {
            Assert.That(durable.Select(row => row?.Membership), Is.All.EqualTo(Membership.Join));
            Assert.That(
                timeline.Count(
                    stored => stored.Pdu.Type == "m.room.member" && stored.Pdu.StateKey == RoomsWorld.Id("bob")),
                Is.EqualTo(1));
        });
    }

    [Test]
    public async Task A_redacted_event_is_gone_from_the_database_and_only_its_sender_or_the_powerful_may_redact_it()
    {
        var room = await _world.CreatesRoomAsync("alice");
        await _world.JoinsAsync("bob", room);
        await _world.JoinsAsync("carol", room);
        var said = (await _world.SaysAsync("bob", room, "a secret")).Value!;

        var byCarol = await _world.RedactsAsync("carol", room, said);
        var byBob = await _world.RedactsAsync("bob", room, said);
        var redacted = (await _world.TimelineAsync(room)).Single(stored => stored.EventId == said);
        var row = (await _world.Storage.Events.FindAnywhereAsync(said, 1, default)).Single();

        Assert.Multiple(() =>
        {
            Assert.That(byCarol.Failure?.Kind, Is.EqualTo(RoomFailureKind.Forbidden));
            Assert.That(byBob.Failure, Is.Null);
            Assert.That(redacted.IsRedacted);
            Assert.That(redacted.Pdu.Content.Count, Is.Zero);
            Assert.That(System.Text.Encoding.UTF8.GetString(row.Json.Span), Does.Not.Contain("secret"));
        });
    }

    [Test]
    public async Task Members_of_an_allowed_room_join_a_restricted_one_and_others_do_not()
    {
        var club = await _world.CreatesRoomAsync("alice");
        await _world.JoinsAsync("bob", club);
        var inner = await _world.CreatesRoomAsync("alice", request => request with
        {
            Preset = Preset.PrivateChat,
            InitialState =
            [
                ("m.room.join_rules", "", JsonObject.OfSeq(
                [
                    ("join_rule", Json.Of("restricted")),
                    ("allow", Json.Of(
                    [
                        Json.Of(JsonObject.OfSeq(
                            [("type", Json.Of("m.room_membership")), ("room_id", Json.Of(club))])),
                    ])),
                ])),
            ],
        });

        var bob = await _world.JoinsAsync("bob", inner);
        var carol = await _world.JoinsAsync("carol", inner);
        Assert.Multiple(() =>
        {
            Assert.That(bob, Is.Null);
            Assert.That(
                carol?.Kind,
                Is.EqualTo(RoomFailureKind.UnknownRoom),
                "She is told no more than if there were no room.");
        });
    }

    [Test]
    public async Task A_banned_user_stays_out_until_the_ban_is_lifted()
    {
        var room = await _world.CreatesRoomAsync("alice");
        await _world.JoinsAsync("bob", room);
        var (alice, bob) = (RoomsWorld.Id("alice"), RoomsWorld.Id("bob"));

        var banned = await _world.Rooms.Memberships.BanAsync(alice, room, bob, "enough", default);
        var back = await _world.JoinsAsync("bob", room);
        var forgets = await _world.Rooms.Forgotten.ForgetAsync(bob, room, default);
        var unbanned = await _world.Rooms.Memberships.UnbanAsync(alice, room, bob, null, default);
        var again = await _world.JoinsAsync("bob", room);
        var row = await _world.Storage.Memberships.FindAsync(
            (await _world.Rooms.Rooms.FindAsync(room, default))!.Room.Nid,
            bob,
            default);

        Assert.Multiple(() =>
        {
            Assert.That(banned, Is.Null);
            Assert.That(back?.Kind, Is.EqualTo(RoomFailureKind.Forbidden));
            Assert.That(forgets, Is.Null);
            Assert.That(unbanned, Is.Null);
            Assert.That(again, Is.Null);
            Assert.That(row?.Membership, Is.EqualTo(Membership.Join));
        });
    }

    [Test]
    public async Task A_room_that_may_not_start_as_asked_leaves_nothing_behind()
    {
        await _world.KnowsAsync("alice");
        var result = await _world.Rooms.Creator.CreateAsync(
            new Matrix.Host.Rooms.Sending.RoomRequest
            {
                Creator = RoomsWorld.Id("alice"),
                Version = "12",
                Preset = Preset.PublicChat,
                Alias = $"#kitchen:{RoomsWorld.Server}",
                PowerLevelOverride = JsonObject.OfSeq(
                    [("users", Json.Of(JsonObject.OfSeq([(RoomsWorld.Id("alice"), Json.Of(100))])))]),
            },
            default);

        Assert.Multiple(async () =>
        {
            Assert.That(result.Failure?.Kind, Is.EqualTo(RoomFailureKind.InvalidRoomState));
            Assert.That(await _world.Storage.Aliases.FindAsync($"#kitchen:{RoomsWorld.Server}", default), Is.Null);
            Assert.That(await _world.Storage.Rooms.ListAsync(default, 10, default), Is.Empty);
        });
    }
}
