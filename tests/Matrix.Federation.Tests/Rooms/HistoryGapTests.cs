using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Places of a timeline where events are missing: which are fetched, and what is taken there.</summary>
public sealed class HistoryGapTests : HistoryGaps
{
    private int _unknown;

    [Test]
    public async Task Only_ancestors_of_the_gap_are_taken_as_history()
    {
        var fork = Room.Latest;
        var stray = Room.Says("bob", "stray");
        Room.Latest = fork;
        Room.Says("bob", "missed");
        await SendAsync(Room.Says("bob", "after"));
        Peer.AlsoBackfilled = [stray];

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "after", "missed", "before" }));
        Assert.That(await Storage.Events.FindAnywhereAsync(stray.EventId, 1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task A_gap_before_an_event_that_clients_do_not_see_is_filled()
    {
        Room.Says("bob", "missed");
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = "$" + new string('x', 43) });
        await SendAsync(redaction, Room.Says("bob", "after"));

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "after", "missed", "before" }));
    }

    [Test]
    public async Task A_gap_before_an_event_that_clients_do_not_see_is_filled_though_nothing_follows()
    {
        var missed = Room.Says("bob", "missed");
        await HideAsync(Room.Latest);

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
        Room.Says("bob", "missed");
        await RefuseAsync(Room.Says("carol", "refused"));
        if (isFollowed) await SendAsync(Room.Says("bob", "after"));

        string[] known = isFollowed ? ["after", "missed", "before"] : ["missed", "before"];
        Assert.That(await ScrollAsync(5), Is.EqualTo(known));
        Assert.That(await ScrollAsync(1), Is.EqualTo(known), "from its own database");
    }

    [Test]
    public async Task A_banned_user_adds_nothing_as_history_that_only_refused_events_name()
    {
        await BanCarolAsync();
        Room.Says("bob", "missed");
        var hidden = Room.Says("carol", "hidden");
        Room.Says("bob", "missed too");
        await RefuseAsync(Room.Says("carol", "refused"));

        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "missed too", "missed", "before" }));
        var stored = await Storage.Events.FindAnywhereAsync(hidden.EventId, 1, CancellationToken.None);
        Assert.That(stored.Single().Marks & EventMarks.SoftFailed, Is.EqualTo(EventMarks.SoftFailed));
    }

    [Test]
    public async Task An_event_of_history_may_name_more_events_than_one_that_comes_live()
    {
        var fork = Room.Latest;
        var branches = new List<Pdu>();
        for (var n = 0; n < 25; n++)
        {
            Room.Latest = fork;
            branches.Add(Room.Says("bob", $"{n}"));
        }

        Room.Latest = [branches[0]];
        var merge = PeerRoom.Json(Room.Says("bob", "merge"));
        merge.Remove("hashes");
        merge.Remove("signatures");
        merge["prev_events"] = new JsonArray([.. branches.Select(branch => (JsonNode)branch.EventId)]);
        Room.Latest = [Room.Completes(merge)];
        await SendAsync(Room.Says("bob", "after"));

        var shown = await ScrollAsync(50);

        Assert.That(shown[..2], Is.EqualTo(new[] { "after", "merge" }));
        Assert.That(shown, Is.Unique.And.Length.EqualTo(28));
        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [Test]
    public async Task The_first_follower_of_a_missing_event_may_be_hidden_and_the_second_be_after_another_gap()
    {
        Room.Says("bob", "missed 1");
        var fork = Room.Latest;
        await HideAsync(fork);
        Room.Latest = fork;
        Room.Says("bob", "missed 2");
        await SendAsync(Room.Says("bob", "after 2"));
        Room.Latest = fork;
        await SendAsync(Room.Says("bob", "after 1"));

        var shown = await ScrollAsync(2);

        Assert.That(shown, Is.EqualTo(new[] { "after 1", "after 2", "missed 2", "missed 1", "before" }));
        Assert.That(await ScrollAsync(50), Is.EqualTo(shown), "from its own database");
    }

    [Test]
    public async Task Events_of_a_gap_further_up_do_not_come_below_another_gap()
    {
        await StartAgainAsync(("federation.gap_numbers", "10"));
        Room.Says("bob", "missed 1");
        await SendAsync(Room.Says("bob", "between"));
        var second = Room.Says("bob", "between too");
        await SendAsync(second);
        Room.Says("bob", "missed 2");
        await SendAsync(Room.Says("bob", "after"));

        // A client that begins between the gaps.
        var room = $"rooms/{PeerRoom.Escape(Room.RoomId)}";
        var context = await Alice.GetAsync($"{room}/context/{PeerRoom.Escape(second.EventId)}?limit=0");
        (await Alice.GetAsync($"{room}/messages?dir=b&limit=5&from={context.Is(200).Json["start"]}")).Is(200);

        Assert.That(await ScrollAsync(5), Is.EqualTo(
            new[] { "after", "missed 2", "between too", "between", "missed 1", "before" }));
    }

    [Test]
    public async Task Each_event_that_names_a_missing_one_is_known_as_its_follower()
    {
        var missed = Room.Says("bob", "missed");
        var fork = Room.Latest;
        var first = Room.Says("bob", "first");
        await SendAsync(first);
        Room.Latest = fork;
        var second = Room.Says("bob", "second");
        await SendAsync(second);

        var nid = (await Storage.Rooms.FindAsync(Room.RoomId, CancellationToken.None))!.Identity.Nid;
        var followers = await Storage.Followers.OfAsync(nid, [missed.EventId], CancellationToken.None);
        var ids = await Storage.Events.IdsAsync([.. followers.Select(row => row.Follower)], CancellationToken.None);
        Assert.That(ids.Values, Is.EquivalentTo(new[] { first.EventId, second.EventId }));

        // Both are before the gap is filled, and neither shows twice.
        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "second", "first", "missed", "before" }));
    }

    [Test]
    public async Task A_branch_that_goes_far_back_does_not_hide_the_history_beside_it()
    {
        Peer.BackfillsByDepth = true;
        var fork = Room.Latest;
        var branch = Room.Says("bob", "branch");
        Room.Latest = fork;
        for (var n = 0; n < 250; n++) _ = Room.Says("bob", $"{n}");
        Room.Latest = [.. Room.Latest, branch];
        _ = Room.Says("bob", "merge");
        var after = Room.Says("bob", "after");
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
        await StartAgainAsync(("federation.history_pause", "1ms"));
        var fork = Room.Latest;
        await SendAsync([.. Enumerable.Range(0, 10).Select(n => Room.Says("bob", $"live {n}"))]);
        var live = Room.Latest;
        Room.Latest = fork;
        for (var n = 0; n < 5; n++) Room.Says("bob", $"{n}");
        fork = Room.Latest;
        List<Pdu> branches = [], merges = [];
        for (var n = 0; n < 57; n++)
        {
            Room.Latest = fork;
            branches.Add(Room.Says("bob", $"branch {n}"));
        }

        foreach (var named in branches.Chunk(19))
        {
            Room.Latest = [.. named, .. live];
            merges.Add(Room.Says("bob", "merge"));
        }

        Room.Latest = merges;
        await SendAsync(Room.Says("bob", "after"));
        var left = 1;
        (Peer.Backfills, Peer.MostBackfilled) = (_ => left-- > 0, 3);
        await ScrollAsync(100);

        // The response has some branches, and all that is before them. The others may be as deep as what is live.
        (left, Peer.MostBackfilled) = (1, 100);
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
        for (var n = 0; n < 5; n++) Room.Says("bob", $"{n}");
        var fork = Room.Latest;
        foreach (var branch in (string[])["a", "b"])
        {
            Room.Latest = fork;
            for (var n = 0; n < 3; n++) Room.Says("bob", $"{branch}{n}");
            await SendAsync(Room.Says("bob", $"after {branch}"));
        }

        Assert.That(await ScrollAsync(100), Is.EqualTo(
            "after b,b2,b1,b0,after a,a2,a1,a0,4,3,2,1,0,before".Split(',')));
        Assert.That(await ScrollAsync(2), Is.EqualTo(await ScrollAsync(100)));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task What_a_gap_further_down_does_not_get_comes_above(bool isMoreMissing)
    {
        await StartAgainAsync(("federation.history_pause", "1ms"));
        for (var n = 0; n < 5; n++) Room.Says("bob", $"{n}");
        var fork = Room.Latest;
        var lost = Room.Says("bob", "lost");
        await SendAsync(Room.Says("bob", "after a"));
        Room.Latest = fork;
        var first = Room.Says("bob", "b0");
        if (isMoreMissing)
        {
            AlsoNaming(first, 1);
            Peer.MostBackfilled = 4;
        }

        for (var n = 1; n < 3; n++) Room.Says("bob", $"b{n}");
        await SendAsync(Room.Says("bob", "after b"));
        Peer.Backfills = from => !from.Contains(lost.EventId);

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
        var before = Room.Latest;
        for (var n = 0; n < 5; n++) Room.Says("bob", $"{n}");
        var fork = Room.Latest;
        Room.Latest = before;
        await SendAsync(AlsoNaming(Room.Says("bob", "lie"), 19, depth: 1_000_000));
        Room.Latest = fork;
        for (var n = 5; n < 8; n++) Room.Says("bob", $"{n}");
        await SendAsync(Room.Says("bob", "after"));

        Assert.That(await ScrollAsync(100), Is.EqualTo("after,7,6,5,4,3,2,1,0,lie,before".Split(',')));
    }

    [Test]
    public async Task A_server_that_leaves_out_the_named_events_fills_a_gap()
    {
        Peer.LeavesNamedOut = true;
        for (var n = 0; n < 150; n++) _ = Room.Says("bob", $"{n}");
        await SendAsync(Room.Says("bob", "after"));

        Assert.That(await ScrollAsync(100), Is.EqualTo(
            (string[])["after", .. Enumerable.Range(0, 150).Reverse().Select(n => $"{n}"), "before"]));
    }

    [Test]
    public async Task Events_that_no_server_has_do_not_hide_the_others()
    {
        await StartAgainAsync(("federation.history_requests", "1"));
        Room.Says("bob", "missed");
        await SendAsync(Room.Says("bob", "first"));
        for (var n = 0; n < 3; n++) await SendAsync(AlsoNaming(Room.Says("bob", $"{n}"), 19));

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
        var complete = Room.Completes(json);
        Room.Takes(complete);
        return complete;
    }

    /// <summary>A gap in which a branch is much less deep than the events that name it.</summary>
    private async Task BranchAsync()
    {
        Peer.BackfillsByDepth = true;
        var fork = Room.Latest;
        List<Pdu> branch = [];
        for (var n = 0; n < 60; n++) branch.Add(Room.Says("bob", $"branch {n}"));
        Room.Latest = fork;
        for (var n = 0; n < 160; n++)
        {
            // What names the branch is deeper than all of it, and comes first.
            if (n >= 100) Room.Latest = [.. Room.Latest, branch[(n - 100) / 2]];
            _ = Room.Says("bob", $"{n}");
        }

        Room.Latest = [.. Room.Latest, branch[^1]];
        await SendAsync(Room.Says("bob", "after"));
    }

    [Test]
    public async Task A_large_gap_with_branches_fills_in_the_order_of_the_graph_and_no_event_comes_twice()
    {
        Pdu[] left = [], right = [];
        var fork = Room.Latest;
        for (var n = 0; n < 300; n++)
        {
            Room.Latest = n % 50 == 49 ? [.. left, .. right] : n % 3 == 0 ? (left is [] ? fork : left)
                : right is [] ? fork : right;
            var said = Room.Says("bob", $"{n}");
            if (n % 50 == 49) (left, right) = ([said], [said]);
            else if (n % 3 == 0) left = [said];
            else right = [said];
        }

        Room.Latest = [.. left, .. right];
        var after = Room.Says("bob", "after");
        await SendAsync(after);

        var shown = await ScrollAsync(17);
        Assert.That(shown, Is.Unique.And.Length.EqualTo(302));
        var places = shown.Reverse().Select((body, at) => (body, at)).ToDictionary(each => each.body, each => each.at);
        var bodies = Room.Events.Values.Where(pdu => pdu.Type == "m.room.message")
            .ToDictionary(pdu => pdu.EventId, pdu => pdu.Content.Text("body")!);
        foreach (var (id, body) in bodies)
        {
            foreach (var previous in Room.Events[id].PrevEvents.Where(bodies.ContainsKey))
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
        await PromoteAsync("bob");
        Pdu[] made =
        [
            .. Enumerable.Range(0, 90).Select(n =>
                Room.Makes("bob", "org.example.state", $"{n}", new JsonObject { ["n"] = n })),
        ];
        await SendAsync(Room.Says("bob", "after"));

        await ScrollAsync(100);

        var nid = (await Storage.Rooms.FindAsync(Room.RoomId, CancellationToken.None))!.Identity.Nid;
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
        var ids = (await Peer.Peer.SendAsync(
            Server, "GET", $"/_matrix/federation/v1/state_ids/{PeerRoom.Escape(Room.RoomId)}?event_id={last}"))
            .Is(200).Json["pdu_ids"]!.AsArray().Select(each => (string)each!);
        Assert.That(
            ids, Is.EquivalentTo(Room.StateBefore(made[^1].EventId).Select(pdu => pdu.EventId)));
    }
}
