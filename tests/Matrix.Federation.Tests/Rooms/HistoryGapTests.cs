using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Places of a timeline where events are missing: which are fetched, and what is taken there.</summary>
public sealed class HistoryGapTests
{
    private PeerServer _peer = null!;
    private InProcessServer _server = null!;
    private LocalUser _alice = null!;
    private PeerRoom _room = null!;
    private int _transactions;
    private int _unknown;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _peer.HasMissing = false;
        await StartAsync();
    }

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await InProcessServer.StartAsync(settings);
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
        _room = await PeerRoom.JoinAsync(_server, _peer.Peer, await _alice.CreateRoomAsync("11"), "bob");
        _peer.Rooms[_room.RoomId] = _room;
        await SendAsync(_room.Say("bob", "before"));
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task Only_ancestors_of_the_gap_are_taken_as_history()
    {
        var fork = _room.Latest;
        var stray = _room.Say("bob", "stray");
        _room.Latest = fork;
        _room.Say("bob", "missed");
        await SendAsync(_room.Say("bob", "after"));
        _peer.AlsoBackfilled = [stray];

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "after", "missed", "before" }));
        Assert.That(await Storage.Events.FindAnywhereAsync(stray.EventId, 1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task A_gap_before_an_event_that_clients_do_not_see_is_filled()
    {
        _room.Say("bob", "missed");
        var redaction = _room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = "$" + new string('x', 43) });
        await SendAsync(redaction, _room.Say("bob", "after"));

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "after", "missed", "before" }));
    }

    [Test]
    public async Task A_gap_before_an_event_that_clients_do_not_see_is_filled_though_nothing_follows()
    {
        var missed = _room.Say("bob", "missed");
        await HideAsync(_room.Latest);

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "missed", "before" }));
        Assert.That(await ScrollAsync(1), Is.EqualTo(new[] { "missed", "before" }), "from its own database");
        var stored = await Storage.Events.FindAnywhereAsync(missed.EventId, 1, CancellationToken.None);
        Assert.That(stored.Single().Nid.IsOutlier, Is.False);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task History_that_only_a_soft_failed_event_names_is_fetched_and_shown(bool isFollowed)
    {
        await BanCarolAsync();
        _room.Say("bob", "missed");
        await RefuseAsync(_room.Say("carol", "refused"));
        if (isFollowed) await SendAsync(_room.Say("bob", "after"));

        string[] known = isFollowed ? ["after", "missed", "before"] : ["missed", "before"];
        Assert.That(await ScrollAsync(5), Is.EqualTo(known));
        Assert.That(await ScrollAsync(1), Is.EqualTo(known), "from its own database");
    }

    [Test]
    public async Task A_banned_user_adds_nothing_as_history_that_only_refused_events_name()
    {
        await BanCarolAsync();
        _room.Say("bob", "missed");
        var hidden = _room.Say("carol", "hidden");
        _room.Say("bob", "missed too");
        await RefuseAsync(_room.Say("carol", "refused"));

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "missed too", "missed", "before" }));
        var stored = await Storage.Events.FindAnywhereAsync(hidden.EventId, 1, CancellationToken.None);
        Assert.That(stored.Single().Marks & EventMarks.SoftFailed, Is.EqualTo(EventMarks.SoftFailed));
    }

    [Test]
    public async Task An_event_of_history_may_name_more_events_than_one_that_comes_live()
    {
        var fork = _room.Latest;
        var branches = new List<Pdu>();
        for (var n = 0; n < 25; n++)
        {
            _room.Latest = fork;
            branches.Add(_room.Say("bob", $"{n}"));
        }

        _room.Latest = [branches[0]];
        var merge = PeerRoom.Json(_room.Say("bob", "merge"));
        merge.Remove("hashes");
        merge.Remove("signatures");
        merge["prev_events"] = new JsonArray([.. branches.Select(branch => (JsonNode)branch.EventId)]);
        _room.Latest = [_room.Complete(merge)];
        await SendAsync(_room.Say("bob", "after"));

        var shown = await ScrollAsync(50);

        Assert.That(shown[..2], Is.EqualTo(new[] { "after", "merge" }));
        Assert.That(shown, Is.Unique.And.Length.EqualTo(28));
        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_client_is_told_of_a_gap_before_an_event_that_it_did_not_see(bool readsBackToSince)
    {
        var since = (string)(await _alice.SyncAsync())["next_batch"]!;
        _room.Say("bob", "missed");
        await HideAsync(_room.Latest);
        var quiet = await _alice.SyncAsync(since);
        Assert.That(quiet["rooms"]?["join"]?[_room.RoomId]?["timeline"]?["events"]?.AsArray() ?? [], Is.Empty);

        await SendAsync(_room.Say("bob", "after"));

        var room = (await _alice.SyncAsync((string)quiet["next_batch"]!))["rooms"]!["join"]![_room.RoomId]!;
        Assert.That((bool?)room["timeline"]!["limited"], Is.True);
        var to = readsBackToSince ? $"&to={quiet["next_batch"]}" : "";
        var page = (await _alice.GetAsync(
            $"rooms/{PeerRoom.Escape(_room.RoomId)}/messages?dir=b&limit=5&from={room["timeline"]!["prev_batch"]}{to}"))
            .Is(200).Json["chunk"]!.AsArray();
        Assert.That(page, Has.Count.EqualTo(readsBackToSince ? 1 : 5));
        Assert.That((string?)page[0]!["content"]!["body"], Is.EqualTo("missed"));
        await SendAsync(_room.Say("bob", "later"));
        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "later", "after", "missed", "before" }));
    }

    [Test]
    public async Task The_first_follower_of_a_missing_event_may_be_hidden_and_the_second_be_after_another_gap()
    {
        _room.Say("bob", "missed 1");
        var fork = _room.Latest;
        await HideAsync(fork);
        _room.Latest = fork;
        _room.Say("bob", "missed 2");
        await SendAsync(_room.Say("bob", "after 2"));
        _room.Latest = fork;
        await SendAsync(_room.Say("bob", "after 1"));

        var shown = await ScrollAsync(2);

        Assert.That(shown, Is.EqualTo(new[] { "after 1", "after 2", "missed 2", "missed 1", "before" }));
        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [Test]
    public async Task Events_of_a_gap_further_up_do_not_come_below_another_gap()
    {
        await _server.DisposeAsync();
        await StartAsync(("federation.gap_numbers", "10"));
        _room.Say("bob", "missed 1");
        await SendAsync(_room.Say("bob", "between"));
        var second = _room.Say("bob", "between too");
        await SendAsync(second);
        _room.Say("bob", "missed 2");
        await SendAsync(_room.Say("bob", "after"));

        // A client that begins between the gaps.
        var room = $"rooms/{PeerRoom.Escape(_room.RoomId)}";
        var context = await _alice.GetAsync($"{room}/context/{PeerRoom.Escape(second.EventId)}?limit=0");
        (await _alice.GetAsync($"{room}/messages?dir=b&limit=5&from={context.Is(200).Json["start"]}")).Is(200);

        Assert.That(await ScrollAsync(5), Is.EqualTo(
            new[] { "after", "missed 2", "between too", "between", "missed 1", "before" }));
    }

    [Test]
    public async Task Each_event_that_names_a_missing_one_is_known_as_its_follower()
    {
        var missed = _room.Say("bob", "missed");
        var fork = _room.Latest;
        var first = _room.Say("bob", "first");
        await SendAsync(first);
        _room.Latest = fork;
        var second = _room.Say("bob", "second");
        await SendAsync(second);

        var nid = (await Storage.Rooms.FindAsync(_room.RoomId, CancellationToken.None))!.Identity.Nid;
        var followers = await Storage.Followers.OfAsync(nid, [missed.EventId], CancellationToken.None);
        var ids = await Storage.Events.IdsAsync([.. followers.Select(row => row.Follower)], CancellationToken.None);
        Assert.That(ids.Values, Is.EquivalentTo(new[] { first.EventId, second.EventId }));

        // Both are before the gap is filled, and neither shows twice.
        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "second", "first", "missed", "before" }));
    }

    [Test]
    public async Task A_branch_that_goes_far_back_does_not_hide_the_history_beside_it()
    {
        _peer.BackfillsByDepth = true;
        var fork = _room.Latest;
        var branch = _room.Say("bob", "branch");
        _room.Latest = fork;
        for (var n = 0; n < 250; n++) _ = _room.Say("bob", $"{n}");
        _room.Latest = [.. _room.Latest, branch];
        _ = _room.Say("bob", "merge");
        var after = _room.Say("bob", "after");
        await SendAsync(after);

        var shown = await ScrollAsync(50);

        Assert.That(shown, Is.Unique.And.Length.EqualTo(254));
        Assert.That(shown[..2], Is.EqualTo(new[] { "after", "merge" }));
    }

    [Test]
    public async Task A_branch_is_fetched_though_many_events_beside_it_name_missing_ones()
    {
        await BranchAsync();

        var shown = await ScrollAsync(100);

        Assert.That(shown, Is.Unique.And.Length.EqualTo(222));
        Assert.That(shown.Where(body => body.StartsWith("branch", StringComparison.Ordinal)), Is.EqualTo(
            Enumerable.Range(0, 60).Reverse().Select(n => $"branch {n}")));
        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [Test]
    public async Task A_gap_is_filled_in_order_though_a_request_between_failed()
    {
        await _server.DisposeAsync();
        await StartAsync(("federation.history_pause", "1ms"));
        var fork = _room.Latest;
        await SendAsync([.. Enumerable.Range(0, 10).Select(n => _room.Say("bob", $"live {n}"))]);
        var live = _room.Latest;
        _room.Latest = fork;
        for (var n = 0; n < 5; n++) _room.Say("bob", $"{n}");
        fork = _room.Latest;
        List<Pdu> branches = [], merges = [];
        for (var n = 0; n < 57; n++)
        {
            _room.Latest = fork;
            branches.Add(_room.Say("bob", $"branch {n}"));
        }

        foreach (var named in branches.Chunk(19))
        {
            _room.Latest = [.. named, .. live];
            merges.Add(_room.Say("bob", "merge"));
        }

        _room.Latest = merges;
        await SendAsync(_room.Say("bob", "after"));
        var left = 1;
        (_peer.Backfills, _peer.MostBackfilled) = (_ => left-- > 0, 3);
        await ScrollAsync(100);

        // The response has some branches, and all that is before them. The others may be as deep as what is live.
        (left, _peer.MostBackfilled) = (1, 100);
        await Task.Delay(5);
        string[] here = [.. Enumerable.Range(0, 10).Reverse().Select(n => $"live {n}"), "before"];
        Assert.That(await ScrollAsync(100), Is.EqualTo((string[])["after", "merge", "merge", "merge", .. here]));
        left = 100;
        await Task.Delay(5);
        var shown = await ScrollAsync(100);

        Assert.That(shown[4..61], Is.EquivalentTo(Enumerable.Range(0, 57).Select(n => $"branch {n}")));
        Assert.That(shown[61..], Is.EqualTo((string[])["4", "3", "2", "1", "0", .. here]));
    }

    [Test]
    public async Task What_is_missing_before_two_gaps_lies_below_both()
    {
        for (var n = 0; n < 5; n++) _room.Say("bob", $"{n}");
        var fork = _room.Latest;
        foreach (var branch in (string[])["a", "b"])
        {
            _room.Latest = fork;
            for (var n = 0; n < 3; n++) _room.Say("bob", $"{branch}{n}");
            await SendAsync(_room.Say("bob", $"after {branch}"));
        }

        Assert.That(await ScrollAsync(100), Is.EqualTo(
            "after b,b2,b1,b0,after a,a2,a1,a0,4,3,2,1,0,before".Split(',')));
        Assert.That(await ScrollAsync(2), Is.EqualTo(await ScrollAsync(100)));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task What_a_gap_further_down_does_not_get_comes_above(bool isMoreMissing)
    {
        await _server.DisposeAsync();
        await StartAsync(("federation.history_pause", "1ms"));
        for (var n = 0; n < 5; n++) _room.Say("bob", $"{n}");
        var fork = _room.Latest;
        var lost = _room.Say("bob", "lost");
        await SendAsync(_room.Say("bob", "after a"));
        _room.Latest = fork;
        var first = _room.Say("bob", "b0");
        if (isMoreMissing)
        {
            AlsoNaming(first, 1);
            _peer.MostBackfilled = 4;
        }

        for (var n = 1; n < 3; n++) _room.Say("bob", $"b{n}");
        await SendAsync(_room.Say("bob", "after b"));
        _peer.Backfills = from => !from.Contains(lost.EventId);

        var shown = await ScrollAsync(100);
        for (var n = 0; n < 10; n++)
        {
            await Task.Delay(5);
            await ScrollAsync(100);
        }

        Assert.That(shown, Is.EqualTo("after b,b2,b1,b0,after a,before".Split(',')));
        Assert.That(await ScrollAsync(100), Is.EqualTo(
            "after b,b2,b1,b0,4,3,2,1,0,after a,before".Split(',')));
    }

    [Test]
    public async Task A_gap_further_down_that_no_server_fills_does_not_hide_what_is_missing_above()
    {
        var before = _room.Latest;
        for (var n = 0; n < 5; n++) _room.Say("bob", $"{n}");
        var fork = _room.Latest;
        _room.Latest = before;
        await SendAsync(AlsoNaming(_room.Say("bob", "lie"), 19, depth: 1_000_000));
        _room.Latest = fork;
        for (var n = 5; n < 8; n++) _room.Say("bob", $"{n}");
        await SendAsync(_room.Say("bob", "after"));

        Assert.That(await ScrollAsync(100), Is.EqualTo("after,7,6,5,4,3,2,1,0,lie,before".Split(',')));
    }

    [Test]
    public async Task A_server_that_leaves_out_the_named_events_fills_a_gap()
    {
        _peer.LeavesNamedOut = true;
        for (var n = 0; n < 150; n++) _ = _room.Say("bob", $"{n}");
        await SendAsync(_room.Say("bob", "after"));

        Assert.That(await ScrollAsync(100), Is.EqualTo(
            (string[])["after", .. Enumerable.Range(0, 150).Reverse().Select(n => $"{n}"), "before"]));
    }

    [Test]
    public async Task Events_that_no_server_has_do_not_hide_the_others()
    {
        await _server.DisposeAsync();
        await StartAsync(("federation.history_requests", "1"));
        _room.Say("bob", "missed");
        await SendAsync(_room.Say("bob", "first"));
        for (var n = 0; n < 3; n++) await SendAsync(AlsoNaming(_room.Say("bob", $"{n}"), 19));

        Assert.That(await ScrollAsync(50), Is.EqualTo(new[] { "2", "1", "0", "first", "missed", "before" }));
    }

    /// <summary>An event that names unknown ones beside those of another one, in place of that.</summary>
    private Pdu AlsoNaming(Pdu said, int unknown, long? depth = null)
    {
        var json = PeerRoom.Json(said);
        json.Remove("hashes");
        json.Remove("signatures");
        if (depth is { } claimed) json["depth"] = claimed;
        for (var n = 0; n < unknown; n++) json["prev_events"]!.AsArray().Add($"${++_unknown:D43}");
        var complete = _room.Complete(json);
        _room.Takes(complete);
        return complete;
    }

    /// <summary>A gap in which a branch is much less deep than the events that name it.</summary>
    private async Task BranchAsync()
    {
        _peer.BackfillsByDepth = true;
        var fork = _room.Latest;
        List<Pdu> branch = [];
        for (var n = 0; n < 60; n++) branch.Add(_room.Say("bob", $"branch {n}"));
        _room.Latest = fork;
        for (var n = 0; n < 160; n++)
        {
            // What names the branch is deeper than all of it, and comes first.
            if (n >= 100) _room.Latest = [.. _room.Latest, branch[(n - 100) / 2]];
            _ = _room.Say("bob", $"{n}");
        }

        _room.Latest = [.. _room.Latest, branch[^1]];
        await SendAsync(_room.Say("bob", "after"));
    }

    [Test]
    public async Task A_large_gap_with_branches_fills_in_the_order_of_the_graph_and_no_event_comes_twice()
    {
        Pdu[] left = [], right = [];
        var fork = _room.Latest;
        for (var n = 0; n < 300; n++)
        {
            _room.Latest = n % 50 == 49 ? [.. left, .. right] : n % 3 == 0 ? (left is [] ? fork : left)
                : right is [] ? fork : right;
            var said = _room.Say("bob", $"{n}");
            if (n % 50 == 49) (left, right) = ([said], [said]);
            else if (n % 3 == 0) left = [said];
            else right = [said];
        }

        _room.Latest = [.. left, .. right];
        var after = _room.Say("bob", "after");
        await SendAsync(after);

        var shown = await ScrollAsync(17);
        Assert.That(shown, Is.Unique.And.Length.EqualTo(302));
        var places = shown.Reverse().Select((body, at) => (body, at)).ToDictionary(each => each.body, each => each.at);
        var bodies = _room.Events.Values.Where(pdu => pdu.Type == "m.room.message")
            .ToDictionary(pdu => pdu.EventId, pdu => pdu.Content.Text("body")!);
        foreach (var (id, body) in bodies)
        {
            foreach (var previous in _room.Events[id].PrevEvents.Where(bodies.ContainsKey))
            {
                var earlier = bodies[previous];
                Assert.That(places[earlier], Is.LessThan(places[body]), $"{earlier} is before {body}");
            }
        }

        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [Test]
    public async Task States_of_history_are_stored_as_differences_from_near_ones()
    {
        var path = $"rooms/{PeerRoom.Escape(_room.RoomId)}/state/m.room.power_levels/";
        var levels = (await _alice.GetAsync(path)).Is(200).Json;
        levels["users"]![_room.User("bob")] = 100;
        var id = (string)(await _alice.PutAsync(path, levels)).Is(200).Json["event_id"]!;
        var served = await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/event/{PeerRoom.Escape(id)}");
        _room.Takes(_room.Know(served.Is(200).Json["pdus"]![0]!.AsObject()));
        Pdu[] made =
        [
            .. Enumerable.Range(0, 90).Select(n =>
                _room.Make("bob", "org.example.state", $"{n}", new JsonObject { ["n"] = n })),
        ];
        await SendAsync(_room.Say("bob", "after"));

        await ScrollAsync(100);

        var nid = (await Storage.Rooms.FindAsync(_room.RoomId, CancellationToken.None))!.Identity.Nid;
        var rows = await Storage.Events.FindManyAsync(
            nid, [.. made.Select(pdu => pdu.EventId)], CancellationToken.None);
        Assert.That(rows, Has.Count.EqualTo(made.Length).And.All.Matches<EventRow>(row => row.Step > 0));
        var steps = await Storage.State.StepsAsync(nid, [.. rows.Select(row => row.Step)], CancellationToken.None);
        Assert.That(steps, Has.Count.EqualTo(made.Length));
        var changes = steps.Sum(row => StateStep.Parse(row.Changes.ToArray()).Changes.Count);
        Assert.That(changes, Is.LessThan(5 * made.Length), "a difference from the current state has up to 90 changes");

        // Each is rebuilt from few steps, and is the state after its event.
        foreach (var pdu in made)
        {
            var step = rows.Single(row => row.EventId == pdu.EventId).Step;
            var chain = await Storage.State.ChainAsync(nid, step, CancellationToken.None);
            Assert.That(chain!.Steps, Has.Count.LessThanOrEqualTo(StateCheckpoint.MaxSteps));
        }

        var last = PeerRoom.Escape(made[^1].EventId);
        var ids = (await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/state_ids/{PeerRoom.Escape(_room.RoomId)}?event_id={last}"))
            .Is(200).Json["pdu_ids"]!.AsArray().Select(each => (string)each!);
        Assert.That(
            ids, Is.EquivalentTo(_room.StateBefore(made[^1].EventId).Select(pdu => pdu.EventId)));
    }

    private IStorage Storage => _server.Services.GetRequiredService<IStorage>();

    /// <summary>Sends a redaction of an unknown event, and waits until it is stored: clients do not see it.</summary>
    private async Task HideAsync(IReadOnlyList<Pdu> after)
    {
        _room.Latest = after;
        var redaction = _room.Make(
            "bob", "m.room.redaction", null, new() { ["redacts"] = "$" + new string('x', 43) });
        await StoreAsync(redaction);
    }

    /// <summary>A user of the peer joins and is banned; the peer has not seen the ban.</summary>
    private async Task BanCarolAsync()
    {
        var carol = _room.User("carol");
        await SendAsync(_room.Make("carol", "m.room.member", carol, new() { ["membership"] = "join" }));
        (await _alice.PostAsync(
            $"rooms/{PeerRoom.Escape(_room.RoomId)}/ban", new JsonObject { ["user_id"] = carol })).Is(200);
    }

    /// <summary>Sends an event that the current state forbids, and waits until it is stored.</summary>
    private async Task RefuseAsync(Pdu pdu)
    {
        var marks = await StoreAsync(pdu);
        Assert.That(marks & EventMarks.SoftFailed, Is.EqualTo(EventMarks.SoftFailed), _server.Log);
    }

    private async Task<EventMarks> StoreAsync(Pdu pdu)
    {
        (await _room.SendAsync(_server, $"gap{++_transactions}", pdu)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var stored = await Storage.Events.FindAnywhereAsync(pdu.EventId, 1, CancellationToken.None);
            if (stored.Count > 0) return stored[0].Marks;
            await Task.Delay(100);
        }

        throw new AssertionException(_server.Log);
    }

    /// <summary>Sends events, and waits until the last one is shown.</summary>
    private async Task SendAsync(params Pdu[] pdus)
    {
        (await _room.SendAsync(_server, $"gap{++_transactions}", pdus)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var path = $"rooms/{PeerRoom.Escape(_room.RoomId)}/event/{PeerRoom.Escape(pdus[^1].EventId)}";
            if ((await _alice.GetAsync(path)).Status == 200) return;
            await Task.Delay(100);
        }

        Assert.Fail(_server.Log);
    }

    /// <summary>The messages that a client gets that pages back to the end, the newest first.</summary>
    private async Task<string[]> ScrollAsync(int limit)
    {
        var bodies = new List<string>();
        var from = "";
        for (var pages = 0; pages < 200; pages++)
        {
            var page = (await _alice.GetAsync(
                $"rooms/{PeerRoom.Escape(_room.RoomId)}/messages?dir=b&limit={limit}{from}")).Is(200).Json;
            bodies.AddRange(page["chunk"]!.AsArray()
                .Where(each => (string)each!["type"]! == "m.room.message")
                .Select(each => (string)each!["content"]!["body"]!));
            if ((string?)page["end"] is not { } end) return [.. bodies];
            from = $"&from={end}";
        }

        throw new AssertionException("The pages do not end.");
    }
}
