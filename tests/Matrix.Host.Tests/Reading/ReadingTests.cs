using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Matrix.Host.Tests.Reading;

internal sealed partial class ReadingTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private int _txn;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [TestCase("world_readable", true, true, true, true)]
    [TestCase("shared", true, true, true, false)]
    [TestCase("invited", false, true, true, false)]
    [TestCase("joined", false, false, true, false)]
    public async Task History_is_seen_as_far_as_its_setting_lets_a_member_see_it(
        string setting, bool beforeInvite, bool whileInvited, bool whileJoined, bool afterLeaving)
    {
        var room = await CreatesAsync(new JsonObject
        {
            ["preset"] = "private_chat",
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.history_visibility",
                ["content"] = new JsonObject { ["history_visibility"] = setting },
            }),
        });
        var first = await SaysAsync(_alice, room, "before the invite");
        await _alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = _bob.UserId });
        var second = await SaysAsync(_alice, room, "while invited");
        await _bob.PostAsync($"rooms/{room}/join");
        var third = await SaysAsync(_alice, room, "while joined");

        var joined = await SeenAsync(_bob, room);
        await _bob.PostAsync($"rooms/{room}/leave");
        var fourth = await SaysAsync(_alice, room, "after leaving");
        var left = await SeenAsync(_bob, room);

        Assert.Multiple(async () =>
        {
            foreach (var seen in new[] { joined, left })
            {
                Assert.That(seen.Contains(first), Is.EqualTo(beforeInvite));
                Assert.That(seen.Contains(second), Is.EqualTo(whileInvited));
                Assert.That(seen.Contains(third), Is.EqualTo(whileJoined));
            }

            Assert.That(left.Contains(fourth), Is.EqualTo(afterLeaving));
            Assert.That(
                (await _bob.GetAsync($"rooms/{room}/event/{fourth}")).Status,
                Is.EqualTo(afterLeaving ? 200 : 404));
            Assert.That(
                (await _bob.GetAsync($"rooms/{room}/event/{first}")).Status,
                Is.EqualTo(beforeInvite ? 200 : 404));
        });
    }

    // As clients send the token that they do not have yet: Draupnir on its first page.
    [TestCase("rooms/{0}/messages?dir=b&limit=2", "&from=&to=")]
    [TestCase("rooms/{0}/members?not_membership=ban", "&at=")]
    [TestCase("/_matrix/client/v1/rooms/{0}/relations/{1}?limit=1", "&from=&to=")]
    [TestCase("/_matrix/client/v1/rooms/{0}/threads?limit=1", "&from=")]
    [TestCase("/_matrix/client/v1/rooms/{0}/hierarchy?limit=5", "&from=")]
    [TestCase("/_matrix/client/v1/mutual_rooms?user_id={2}", "&from=")]
    [TestCase("notifications?limit=5", "&from=")]
    [TestCase("publicRooms?limit=5", "&since=")]
    [TestCase("sync?filter={{\"presence\":{{\"not_types\":[\"*\"]}}}}", "&since=")]
    public async Task An_empty_token_is_like_none(string path, string tokens)
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat", ["name"] = "Kitchen" });
        var first = await SaysAsync(_alice, room, "one");
        await SaysAsync(_alice, room, "two");
        await _bob.PostAsync($"rooms/{room}/join");
        path = string.Format(
            CultureInfo.InvariantCulture, path, room, Uri.EscapeDataString(first), Uri.EscapeDataString(_bob.UserId));

        var without = (await _alice.GetAsync(path)).Is(200).Text;
        var with = (await _alice.GetAsync(path + tokens)).Is(200).Text;
        Assert.That(Age().Replace(with, ""), Is.EqualTo(Age().Replace(without, "")));
        (await _alice.GetAsync(path + tokens.Replace("=", "=nonsense", StringComparison.Ordinal)))
            .Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task An_empty_token_in_a_body_is_like_none()
    {
        await CreatesAsync(new JsonObject { ["preset"] = "public_chat", ["visibility"] = "public" });
        var without = (await _alice.PostAsync("publicRooms", new JsonObject { ["limit"] = 5 })).Is(200).Text;
        var with = await _alice.PostAsync("publicRooms", new JsonObject { ["limit"] = 5, ["since"] = "" });
        Assert.That(with.Is(200).Text, Is.EqualTo(without));
        var wrong = await _alice.PostAsync("publicRooms", new JsonObject { ["limit"] = 5, ["since"] = "nonsense" });
        wrong.Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_stranger_reads_nothing_and_one_who_left_reads_the_state_as_it_was()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat", ["name"] = "Kitchen" });
        (await _bob.GetAsync($"rooms/{room}/messages?dir=b")).Is(403, "M_FORBIDDEN");
        (await _bob.GetAsync($"rooms/{room}/state")).Is(403, "M_FORBIDDEN");
        (await _bob.GetAsync($"rooms/{room}/members")).Is(403, "M_FORBIDDEN");
        (await _bob.GetAsync("rooms/!nowhere/messages?dir=b")).Is(403, "M_FORBIDDEN");
        (await _bob.GetAsync("rooms/nowhere/messages?dir=b")).Is(400, "M_INVALID_PARAM");

        await _bob.PostAsync($"rooms/{room}/join");
        await _bob.PostAsync($"rooms/{room}/leave");
        await _alice.PutAsync($"rooms/{room}/state/m.room.name", new JsonObject { ["name"] = "Larder" });

        Assert.That(
            (await _bob.GetAsync($"rooms/{room}/state/m.room.name")).Is(200).Member("name"),
            Is.EqualTo("Kitchen"));
        Assert.That(
            (await _alice.GetAsync($"rooms/{room}/state/m.room.name/")).Is(200).Member("name"),
            Is.EqualTo("Larder"));
        Assert.That(
            (await _alice.GetAsync($"rooms/{room}/state/m.room.name?format=event")).Is(200).Member("type"),
            Is.EqualTo("m.room.name"));
        (await _alice.GetAsync($"rooms/{room}/state/m.room.topic")).Is(404, "M_NOT_FOUND");
        (await _bob.GetAsync($"rooms/{room}/joined_members")).Is(403, "M_FORBIDDEN");
        await _bob.PostAsync($"rooms/{room}/forget");
        (await _bob.GetAsync($"rooms/{room}/state/m.room.name")).Is(403, "M_FORBIDDEN");
    }

    [TestCase(1)]
    [TestCase(3)]
    [TestCase(7)]
    public async Task Paging_in_both_directions_loses_and_doubles_no_event(int limit)
    {
        var room = await CreatesAsync();
        var said = new List<string>();
        for (var i = 0; i < 20; i++) said.Add(await SaysAsync(_alice, room, $"{i}"));

        var back = await PagesAsync("b", limit, room);
        var on = await PagesAsync("f", limit, room);
        Assert.Multiple(() =>
        {
            Assert.That(back.Take(20), Is.EqualTo(Enumerable.Reverse(said)));
            Assert.That(on, Is.EqualTo(Enumerable.Reverse(back)));
            Assert.That(on.Distinct().Count(), Is.EqualTo(on.Count));
        });
    }

    [Test]
    public async Task A_page_starts_and_ends_at_the_tokens_given_and_a_filter_applies()
    {
        var room = await CreatesAsync();
        for (var i = 0; i < 6; i++) await SaysAsync(_alice, room, $"{i}");
        var newest = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=2")).Is(200).Json;
        var end = (string)newest["end"]!;
        var rest = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=100&from={end}")).Is(200).Json;
        var between = (await _alice.GetAsync($"rooms/{room}/messages?dir=f&from={end}&limit=100")).Is(200).Json;
        var lazy = Uri.EscapeDataString("""{"types":["m.room.message"],"lazy_load_members":true}""");
        var names = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=100&filter={lazy}")).Is(200).Json;

        Assert.Multiple(() =>
        {
            Assert.That(rest.ContainsKey("end"), Is.False);
            Assert.That((string)rest["start"]!, Is.EqualTo(end));
            Assert.That(Ids(between), Is.EqualTo(Enumerable.Reverse(Ids(newest))));
            Assert.That(Ids(names), Has.Count.EqualTo(6));
            Assert.That(names["state"]!.AsArray(), Has.Count.EqualTo(1));
        });
        (await _alice.GetAsync($"rooms/{room}/messages")).Is(400, "M_MISSING_PARAM");
        (await _alice.GetAsync($"rooms/{room}/messages?dir=x")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync($"rooms/{room}/messages?dir=b&from=nonsense")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync($"rooms/{room}/messages?dir=b&filter=nonsense")).Is(400, "M_NOT_JSON");
    }

    [Test]
    public async Task Context_is_the_events_around_an_event()
    {
        var room = await CreatesAsync();
        var said = new List<string>();
        for (var i = 0; i < 9; i++) said.Add(await SaysAsync(_alice, room, $"{i}"));
        var context = (await _alice.GetAsync($"rooms/{room}/context/{said[4]}?limit=4")).Is(200).Json;

        Assert.Multiple(() =>
        {
            Assert.That((string)context["event"]!["event_id"]!, Is.EqualTo(said[4]));
            Assert.That(Ids(context, "events_before"), Is.EqualTo(new[] { said[3], said[2] }));
            Assert.That(Ids(context, "events_after"), Is.EqualTo(new[] { said[5], said[6] }));
            Assert.That(context["state"]!.AsArray().Count(e => (string)e!["type"]! == "m.room.create"), Is.EqualTo(1));
        });
        var before = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&from={(string)context["start"]!}"))
            .Json;
        var after = (await _alice.GetAsync($"rooms/{room}/messages?dir=f&limit=1&from={(string)context["end"]!}")).Json;
        Assert.That((Ids(before)[0], Ids(after)[0]), Is.EqualTo((said[1], said[7])));
        (await _alice.GetAsync($"rooms/{room}/context/$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Edits_threads_and_references_are_bundled_with_their_event()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        await _bob.PostAsync($"rooms/{room}/join");
        var root = await SaysAsync(_alice, room, "root");
        await RelatesAsync(_bob, room, "m.replace", root, new JsonObject { ["body"] = "not bob's to edit" });
        await RelatesAsync(_alice, room, "m.replace", root, new JsonObject { ["body"] = "first edit" });
        // Of edits in the same millisecond, the one with the greater id counts.
        _server.Ahead = TimeSpan.FromSeconds(1);
        var edit = await RelatesAsync(_alice, room, "m.replace", root, new JsonObject { ["body"] = "second edit" });
        await RelatesAsync(_bob, room, "m.thread", root);
        var last = await RelatesAsync(_bob, room, "m.thread", root);
        var lastEdit =
            await RelatesAsync(_bob, room, "m.replace", last, new JsonObject { ["body"] = "edited in the thread" });
        var reference = await RelatesAsync(_bob, room, "m.reference", root);

        var bundled = (await _alice.GetAsync($"rooms/{room}/event/{root}")).Is(200).Json["unsigned"]!["m.relations"]!;
        Assert.Multiple(() =>
        {
            Assert.That((string)bundled["m.replace"]!["event_id"]!, Is.EqualTo(edit));
            Assert.That((int)bundled["m.thread"]!["count"]!, Is.EqualTo(2));
            Assert.That((string)bundled["m.thread"]!["latest_event"]!["event_id"]!, Is.EqualTo(last));
            Assert.That((bool)bundled["m.thread"]!["current_user_participated"]!, Is.True);
            Assert.That(
                (string)bundled["m.thread"]!["latest_event"]!["unsigned"]!["m.relations"]!["m.replace"]!["event_id"]!,
                Is.EqualTo(lastEdit));
            Assert.That((string)bundled["m.reference"]!["chunk"]![0]!["event_id"]!, Is.EqualTo(reference));
        });

        await _alice.PutAsync($"user/{_alice.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [_bob.UserId] = new JsonObject() },
        });
        var without = (await _alice.GetAsync($"rooms/{room}/event/{root}"))
            .Is(200).Json["unsigned"]!["m.relations"]!.AsObject();
        Assert.That(without.Select(each => each.Key), Is.EqualTo(new[] { "m.replace" }));

        await _alice.PutAsync($"rooms/{room}/redact/{edit}/{++_txn}");
        var earlier = (await _alice.GetAsync($"rooms/{room}/event/{root}")).Is(200).Json["unsigned"]!["m.relations"]!;
        Assert.That((string)earlier["m.replace"]!["event_id"]!, Is.Not.EqualTo(edit));
    }

    [Test]
    public async Task An_edit_without_new_content_hides_no_earlier_edit()
    {
        var room = await CreatesAsync();
        var said = await SaysAsync(_alice, room, "tpyo");
        var edit = await RelatesAsync(_alice, room, "m.replace", said, new JsonObject { ["body"] = "typo" });
        await RelatesAsync(_alice, room, "m.replace", said);

        var bundled = (await _alice.GetAsync($"rooms/{room}/event/{said}")).Is(200).Json["unsigned"]!["m.relations"]!;
        Assert.That((string)bundled["m.replace"]!["event_id"]!, Is.EqualTo(edit));
    }

    [Test]
    public async Task A_limited_sync_bundles_what_relates_to_its_events()
    {
        var room = await CreatesAsync();
        var said = await SaysAsync(_alice, room, "tpyo");
        var edit = await RelatesAsync(_alice, room, "m.replace", said, new JsonObject { ["body"] = "typo" });
        var filter = Uri.EscapeDataString("""{"room":{"timeline":{"limit":2}}}""");
        var timeline = (await _alice.GetAsync($"sync?filter={filter}"))
            .Is(200).Json["rooms"]!["join"]![room]!["timeline"]!;

        Assert.Multiple(() =>
        {
            Assert.That((bool)timeline["limited"]!, Is.True);
            Assert.That(
                (string)timeline["events"]![0]!["unsigned"]!["m.relations"]!["m.replace"]!["event_id"]!,
                Is.EqualTo(edit));
        });
    }

    [Test]
    public async Task One_who_left_sees_the_edits_and_threads_that_there_were_then()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        await _bob.PostAsync($"rooms/{room}/join");
        var said = await SaysAsync(_alice, room, "tpyo");
        var edit = await RelatesAsync(_alice, room, "m.replace", said, new JsonObject { ["body"] = "typo" });
        var reply = await RelatesAsync(_alice, room, "m.thread", said);
        await _bob.PostAsync($"rooms/{room}/leave");
        var secret =
            await RelatesAsync(_alice, room, "m.replace", said, new JsonObject { ["body"] = "what bob must not read" });
        await RelatesAsync(_alice, room, "m.thread", said);

        var event_ = (await _bob.GetAsync($"rooms/{room}/event/{said}")).Is(200);
        var bundled = event_.Json["unsigned"]!["m.relations"]!;
        Assert.Multiple(() =>
        {
            Assert.That(event_.Text, Does.Not.Contain(secret).And.Not.Contain("must not read"));
            Assert.That((string)bundled["m.replace"]!["event_id"]!, Is.EqualTo(edit));
            Assert.That((int)bundled["m.thread"]!["count"]!, Is.EqualTo(1));
            Assert.That((string)bundled["m.thread"]!["latest_event"]!["event_id"]!, Is.EqualTo(reply));
        });
    }

    [Test]
    public async Task Relations_are_paged_and_threads_are_listed_latest_first()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        await _bob.PostAsync($"rooms/{room}/join");
        var one = await SaysAsync(_alice, room, "one");
        var two = await SaysAsync(_alice, room, "two");
        var children = new List<string>();
        for (var i = 0; i < 5; i++) children.Add(await RelatesAsync(_alice, room, "m.thread", one));
        await RelatesAsync(_bob, room, "m.thread", two);

        var thread = $"/_matrix/client/v1/rooms/{room}/relations/{one}/m.thread?limit=3";
        var first = (await _alice.GetAsync(thread)).Is(200).Json;
        var second = (await _alice.GetAsync($"{thread}&from={(string)first["next_batch"]!}")).Is(200).Json;
        var threads = (await _bob.GetAsync($"/_matrix/client/v1/rooms/{room}/threads")).Is(200).Json;
        var mine = (await _bob.GetAsync($"/_matrix/client/v1/rooms/{room}/threads?include=participated")).Is(200).Json;
        var page = (await _bob.GetAsync($"/_matrix/client/v1/rooms/{room}/threads?limit=1")).Is(200).Json;
        var next = (await _bob.GetAsync(
            $"/_matrix/client/v1/rooms/{room}/threads?limit=1&from={(string)page["next_batch"]!}")).Is(200).Json;

        Assert.Multiple(() =>
        {
            Assert.That(Ids(first).Concat(Ids(second)), Is.EqualTo(Enumerable.Reverse(children)));
            Assert.That(second.ContainsKey("next_batch"), Is.False);
            Assert.That(Ids(threads), Is.EqualTo(new[] { two, one }));
            Assert.That(Ids(mine), Is.EqualTo(new[] { two }));
            Assert.That(Ids(page).Concat(Ids(next)), Is.EqualTo(new[] { two, one }));
        });
        (await _alice.GetAsync(
            $"/_matrix/client/v1/rooms/{room}/relations/$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_redacted_event_names_its_redaction_and_state_names_what_it_replaced()
    {
        var room = await CreatesAsync();
        var said = await SaysAsync(_alice, room, "a secret");
        var redaction =
            (await _alice.PutAsync($"rooms/{room}/redact/{said}/{++_txn}", new JsonObject { ["reason"] = "oops" }))
                .Member("event_id");
        await _alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "soup" });
        var topic = (await _alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "bread" }))
            .Member("event_id");

        var redacted = (await _alice.GetAsync($"rooms/{room}/event/{said}")).Is(200).Json;
        var state = (await _alice.GetAsync($"rooms/{room}/event/{topic}")).Is(200).Json;
        Assert.Multiple(() =>
        {
            Assert.That(redacted["content"]!.AsObject(), Is.Empty);
            Assert.That((string)redacted["unsigned"]!["redacted_because"]!["event_id"]!, Is.EqualTo(redaction));
            Assert.That((string)state["unsigned"]!["prev_content"]!["topic"]!, Is.EqualTo("soup"));
            Assert.That((string)state["unsigned"]!["membership"]!, Is.EqualTo("join"));
        });
    }

    [Test]
    public async Task Members_are_listed_by_membership_and_as_they_were_at_a_token()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        var token = (string)(await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1")).Json["start"]!;
        await _bob.PutAsync($"profile/{_bob.UserId}/displayname", new JsonObject { ["displayname"] = "Bob" });
        await _bob.PostAsync($"rooms/{room}/join");

        var now = (await _alice.GetAsync($"rooms/{room}/members")).Is(200).Json;
        var then = (await _alice.GetAsync($"rooms/{room}/members?at={token}")).Is(200).Json;
        var left = (await _alice.GetAsync($"rooms/{room}/members?membership=leave")).Is(200).Json;
        var others = (await _alice.GetAsync($"rooms/{room}/members?not_membership=join")).Is(200).Json;
        var joined = (await _alice.GetAsync($"rooms/{room}/joined_members")).Is(200).Json["joined"]!;
        var rooms = (await _bob.GetAsync("joined_rooms")).Is(200).Json["joined_rooms"]!.AsArray();

        Assert.Multiple(() =>
        {
            Assert.That(now["chunk"]!.AsArray(), Has.Count.EqualTo(2));
            Assert.That(then["chunk"]!.AsArray(), Has.Count.EqualTo(1));
            Assert.That(left["chunk"]!.AsArray(), Is.Empty);
            Assert.That(others["chunk"]!.AsArray(), Is.Empty);
            Assert.That((string)joined[_bob.UserId]!["display_name"]!, Is.EqualTo("Bob"));
            Assert.That((string)rooms.Single()!, Is.EqualTo(room));
        });
    }

    [TestCase("", 3)]
    [TestCase("membership=join", 2)]
    [TestCase("not_membership=join", 1)]
    [TestCase("membership=join&not_membership=invite", 2)]
    [TestCase("membership=invite&not_membership=join", 1)]
    [TestCase("membership=join&not_membership=join", 3)]
    public async Task With_a_membership_to_have_and_one_not_to_have_either_suffices(string query, int count)
    {
        var carol = await _server.RegistersAsync("carol");
        var room = await CreatesAsync(
            new JsonObject { ["preset"] = "public_chat", ["invite"] = new JsonArray(carol.UserId) });
        await _bob.PostAsync($"rooms/{room}/join");
        Assert.That(
            (await _alice.GetAsync($"rooms/{room}/members?{query}")).Is(200).Json["chunk"]!.AsArray(),
            Has.Count.EqualTo(count));
    }

    [Test]
    public async Task Relations_say_how_deep_they_were_looked_for_if_one_asked_and_are_not_there_for_strangers()
    {
        var room = await CreatesAsync();
        var said = await SaysAsync(_alice, room, "x");
        var inThread = await RelatesAsync(_alice, room, "m.thread", said);
        await RelatesAsync(_alice, room, "m.reference", inThread);
        async Task<(int Events, int? Depth)> RelationsAsync(string query)
        {
            var page = (await _alice.GetAsync($"/_matrix/client/v1/rooms/{room}/relations/{said}?{query}"))
                .Is(200).Json;
            return (page["chunk"]!.AsArray().Count, (int?)page["recursion_depth"]);
        }

        Assert.That(await RelationsAsync(""), Is.EqualTo((1, (int?)null)));
        Assert.That(await RelationsAsync("recurse=false"), Is.EqualTo((1, (int?)1)));
        Assert.That(await RelationsAsync("recurse=true"), Is.EqualTo((2, (int?)3)));
        (await _bob.GetAsync($"/_matrix/client/v1/rooms/{room}/relations/{said}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Of_a_user_whom_one_ignores_pages_have_state_alone_and_threads_a_root_without_content()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        await _bob.PostAsync($"rooms/{room}/join");
        await RelatesAsync(_bob, room, "m.thread", await SaysAsync(_alice, room, "bob alone answers"));
        var root = await SaysAsync(_bob, room, "not for alice");
        var answer = await RelatesAsync(_alice, room, "m.thread", root);
        (await _alice.PutAsync($"user/{_alice.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [_bob.UserId] = new JsonObject() },
        })).Is(200);

        var page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=3")).Is(200).Json["chunk"]!.AsArray();
        var around = (await _alice.GetAsync($"rooms/{room}/context/{answer}")).Is(200).Json;
        var threads = (await _alice.GetAsync($"/_matrix/client/v1/rooms/{room}/threads"))
            .Is(200).Json["chunk"]!.AsArray();
        Assert.Multiple(() =>
        {
            Assert.That(page.Select(e => (string?)e!["state_key"]), Is.EqualTo(new[] { null, null, _bob.UserId }));
            Assert.That(Ids(around, "events_before"), Does.Not.Contain(root));
            Assert.That((string?)threads.Single()!["event_id"], Is.EqualTo(root));
            Assert.That(threads[0]!["content"]!.AsObject(), Is.Empty);
            Assert.That(
                (string?)threads[0]!["unsigned"]!["m.relations"]!["m.thread"]!["latest_event"]!["event_id"],
                Is.EqualTo(answer));
        });
        Assert.That((await _bob.GetAsync($"rooms/{room}/event/{root}")).Is(200).Text, Does.Contain("not for alice"));
    }

    [Test]
    public async Task A_page_follows_the_list_of_ignored_users_at_once()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        (await _bob.PostAsync($"rooms/{room}/join")).Is(200);
        var said = await SaysAsync(_bob, room, "sometimes ignored");
        var shown = new List<bool>();
        foreach (var isIgnored in new[] { false, true, false })
        {
            (await _alice.PutAsync($"user/{_alice.UserId}/account_data/m.ignored_user_list", new JsonObject
            {
                ["ignored_users"] = isIgnored ? new JsonObject { [_bob.UserId] = new JsonObject() } : new JsonObject(),
            })).Is(200);
            var page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b")).Is(200).Json;
            shown.Add(Ids(page, "chunk").Contains(said));
        }

        Assert.That(shown, Is.EqualTo(new[] { true, false, true }));
    }

    [Test]
    public async Task A_page_that_ends_where_it_was_asked_to_says_how_to_go_on()
    {
        var room = await CreatesAsync();
        for (var i = 0; i < 6; i++) await SaysAsync(_alice, room, $"{i}");
        var to = (string)(await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=3")).Json["end"]!;
        var page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=50&to={to}")).Is(200).Json;
        Assert.That((Ids(page).Count, (string?)page["end"]), Is.EqualTo((3, to)));

        // A request that continues up to the same position returns nothing, and no token to continue.
        page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=50&to={to}&from={to}")).Is(200).Json;
        Assert.That((Ids(page).Count, (string?)page["end"]), Is.EqualTo((0, (string?)null)));
        var start = (string)(await _alice.GetAsync($"rooms/{room}/messages?dir=f&limit=1")).Json["start"]!;
        page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=50&to={start}")).Is(200).Json;
        Assert.That(page.ContainsKey("end"), Is.False, "The room begins there.");
    }

    [Test]
    public async Task Members_that_load_lazily_are_as_they_were_when_they_spoke()
    {
        var room = await CreatesAsync(new JsonObject { ["preset"] = "public_chat" });
        await _bob.PutAsync($"profile/{_bob.UserId}/displayname", new JsonObject { ["displayname"] = "Bob" });
        await _bob.PostAsync($"rooms/{room}/join");
        await SaysAsync(_bob, room, "hello");
        var from = (string)(await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1")).Json["start"]!;
        await _bob.PostAsync($"rooms/{room}/leave");

        var lazy = Uri.EscapeDataString("""{"lazy_load_members":true}""");
        var page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&from={from}&filter={lazy}"))
            .Is(200).Json;
        Assert.That((string?)page["state"]!.AsArray().Single()!["content"]!["displayname"], Is.EqualTo("Bob"));
    }

    private async Task<string> CreatesAsync(JsonObject? body = null) =>
        (await _alice.PostAsync("createRoom", body ?? new JsonObject())).Is(200).Member("room_id");

    private async Task<string> SaysAsync(TestUser user, string room, string text) =>
        (await user.PutAsync(
            $"rooms/{room}/send/m.room.message/{++_txn}",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = text }))
        .Is(200).Member("event_id");

    private async Task<string> RelatesAsync(
        TestUser user, string room, string relType, string to, JsonObject? newContent = null)
    {
        var content = new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = "*",
            ["m.relates_to"] = new JsonObject { ["rel_type"] = relType, ["event_id"] = to },
        };
        if (newContent is not null) content["m.new_content"] = newContent;
        return (await user.PutAsync($"rooms/{room}/send/m.room.message/{++_txn}", content)).Is(200).Member("event_id");
    }

    private static async Task<HashSet<string>> SeenAsync(TestUser user, string room) =>
        [.. Ids((await user.GetAsync($"rooms/{room}/messages?dir=b&limit=100")).Is(200).Json)];

    private async Task<List<string>> PagesAsync(string direction, int limit, string room)
    {
        var all = new List<string>();
        string? from = null;
        for (var i = 0; i < 100; i++)
        {
            var page = (await _alice.GetAsync(
                $"rooms/{room}/messages?dir={direction}&limit={limit}" + (from is null ? "" : $"&from={from}")))
                .Is(200).Json;
            all.AddRange(Ids(page));
            from = (string?)page["end"];
            if (from is null) return all;
        }

        throw new AssertionException("The pages have no end.");
    }

    private static List<string> Ids(JsonObject page, string name = "chunk") =>
        [.. page[name]!.AsArray().Select(e => (string)e!["event_id"]!)];

    /// <summary>The age of an event: it differs from one moment to the next.</summary>
    [GeneratedRegex("\"age\":[0-9]+")]
    private static partial Regex Age();
}
