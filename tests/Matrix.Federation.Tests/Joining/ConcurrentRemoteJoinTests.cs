using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Joins through a peer while others, or events of the room, are under way.</summary>
public sealed class ConcurrentRemoteJoinTests : RemoteJoins
{
    [Test]
    public async Task Of_several_joins_at_once_one_goes_to_the_other_server()
    {
        var bob = await Server.RegistersAsync("bob");
        var room = Peer.CreatesRoom("10");
        Peer.BeforeJoin = () => Task.Delay(300);

        await Task.WhenAll(JoinAsync(Alice, room), JoinAsync(bob, room), JoinAsync(Alice, room));

        Assert.That(Peer.Joins, Is.EqualTo(1));
        var members = await bob.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { Alice.UserId, bob.UserId, room.Creator }));
    }

    [Test]
    public async Task A_join_does_not_wait_long_for_another_one_of_the_room([Values] bool afterTheTemplate)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("federation.join_patience", "500ms"));
        var bob = await server.Knows(Peer.Peer).RegistersAsync("bob");
        var carol = await server.RegistersAsync("carol");
        var hold = new TaskCompletionSource();
        if (afterTheTemplate) Peer.BeforeJoin = () => hold.Task;
        else Peer.BeforeTemplate = () => hold.Task;
        var room = Peer.CreatesRoom("10");
        var held = TryJoinAsync(bob, room);
        await Until.HoldsAsync(() => (afterTheTemplate ? Peer.Joins : Peer.JoinTemplates) > 0);
        (Peer.BeforeJoin, Peer.BeforeTemplate) = (null, null);

        await JoinAsync(carol, room).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.That(held.IsCompleted, Is.False);
        hold.SetResult();
        (await held).Is(200);
        var members = await carol.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { bob.UserId, carol.UserId, room.Creator }));
        await AssertSameStateAsync(carol, room);
    }

    [Test]
    public async Task A_slow_server_does_not_stop_joins_through_others([Values] bool afterTheTemplate)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("federation.joins", "1"));
        await using var slow = await ResidentServer.StartAsync();
        var bob = await server.Knows(Peer.Peer).Knows(slow.Peer).RegistersAsync("bob");
        var hold = new TaskCompletionSource();
        if (afterTheTemplate) slow.BeforeJoin = () => hold.Task;
        else slow.BeforeTemplate = () => hold.Task;
        var slowRoom = slow.CreatesRoom("10");
        var slowJoin = bob.PostAsync($"join/{Escaped(slowRoom.RoomId)}?via={slow.Peer.Name}");
        await Until.HoldsAsync(() => (afterTheTemplate ? slow.Joins : slow.JoinTemplates) > 0);

        await JoinAsync(bob, Peer.CreatesRoom("10")).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.That(slowJoin.IsCompleted, Is.False);
        hold.SetResult();
        (await slowJoin).Is(200);
    }

    [Test]
    public async Task The_same_join_at_once_goes_to_the_other_server_once([Values] bool isRefused)
    {
        var room = Peer.CreatesRoom("10");
        if (isRefused) Peer.RefusesJoins = (403, "M_FORBIDDEN", null);
        var hold = new TaskCompletionSource();
        Peer.BeforeTemplate = () => hold.Task;
        var first = TryJoinAsync(Alice, room);
        await Until.HoldsAsync(() => Peer.JoinTemplates > 0);
        var second = TryJoinAsync(Alice, room);

        // Nothing shows that the second request waits for the first join.
        await Task.Delay(2000);
        hold.SetResult();

        var replies = await Task.WhenAll(first, second);

        Assert.That(replies.Select(each => each.Status), Is.All.EqualTo(isRefused ? 403 : 200));
        Assert.That(replies[1].Text, Is.EqualTo(replies[0].Text));
        Assert.That(Peer.JoinTemplates, Is.EqualTo(1));
    }

    [Test]
    public async Task Beyond_the_bound_of_joins_a_client_is_asked_to_wait()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("federation.joins_waiting", "1"));
        var bob = await server.Knows(Peer.Peer).RegistersAsync("bob");
        var hold = new TaskCompletionSource();
        Peer.BeforeTemplate = () => hold.Task;
        var first = TryJoinAsync(bob, Peer.CreatesRoom("10"));
        await Until.HoldsAsync(() => Peer.JoinTemplates > 0);

        (await TryJoinAsync(bob, Peer.CreatesRoom("10"))).Is(429, "M_LIMIT_EXCEEDED");

        hold.SetResult();
        (await first).Is(200);
    }

    [Test]
    public async Task An_event_that_comes_during_the_join_is_not_lost()
    {
        var room = Peer.CreatesRoom("10");
        var sending = Task.FromResult<Reply>(null!);
        Peer.BeforeJoin = async () =>
        {
            var topic = room.Adds(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
            sending = SendAsync("t1", topic);
            await Task.Delay(200);
        };

        await JoinAsync(Alice, room);

        var sent = (await sending).Is(200);
        Assert.That(sent.Json["pdus"]![room.IdOf(room.Last)]!.ToJsonString(), Is.EqualTo("{}"));
        await AssertSameStateAsync(Alice, room);
    }
}
