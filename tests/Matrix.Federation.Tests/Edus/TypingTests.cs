using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Outbound;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Outbound.Federation.Edus;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Typing notifications between servers.</summary>
public sealed class TypingTests : EduTests
{
    [Test]
    public async Task Other_servers_of_the_room_get_the_start_and_the_end()
    {
        var room = await RoomAsync();
        var quiet = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);

        await Alice.TypesAsync(quiet, timeout: 20_000);
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await HasTakenAsync("m.typing", 1);
        await Alice.TypesAsync(room.RoomId, typing: false);
        await HasTakenAsync("m.typing", 2);

        Assert.That(Taken("m.typing").Select(Text), Is.EqualTo(new[]
        {
            $$"""{"room_id":"{{room.RoomId}}","typing":true,"user_id":"{{Alice.UserId}}"}""",
            $$"""{"room_id":"{{room.RoomId}}","typing":false,"user_id":"{{Alice.UserId}}"}""",
        }));
    }

    [Test]
    public async Task A_user_who_goes_on_is_not_repeated_at_once()
    {
        await RestartAsync(("sync.typing_repeat", "10m"));
        var room = await RoomAsync();

        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await HasTakenAsync("m.typing", 1);
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await Task.Delay(250);
        await Alice.TypesAsync(room.RoomId, typing: false);
        await HasTakenAsync("m.typing", 2);

        Assert.That(Typing(), Is.EqualTo(new[] { true, false }));
    }

    [Test]
    public async Task A_user_who_goes_on_is_repeated()
    {
        await RestartAsync(("sync.typing_repeat", "1ms"));
        var room = await RoomAsync();

        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await HasTakenAsync("m.typing", 1);
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await HasTakenAsync("m.typing", 2);
        await Alice.TypesAsync(room.RoomId, typing: false);
        await HasTakenAsync("m.typing", 3);

        Assert.That(Typing(), Is.EqualTo(new[] { true, true, false }));
    }

    [Test]
    public async Task A_user_who_says_no_more_ends_by_timeout()
    {
        var room = await RoomAsync();

        await Alice.TypesAsync(room.RoomId, timeout: 1_000);
        await Until.HoldsAsync(() => !Typing().LastOrDefault(true));
        await Task.Delay(250);

        // The start is not sent any more if the end comes before it is.
        Assert.That(Typing().SkipWhile(isTyping => isTyping), Is.EqualTo(new[] { false }));
    }

    [Test]
    public async Task A_server_that_does_not_answer_gets_none_later()
    {
        await RestartAsync(("federation.outbound_first_pause", "1h"), ("federation.outbound_longest_pause", "1h"));
        await using var other = await ReceivingPeer.StartAsync();
        Server.Knows(other.Peer);
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await other.Peer.JoinsAsync(Server, roomId, "carol");
        await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        await Peer.DownAsync();
        await Alice.TypesAsync(roomId, timeout: 20_000);
        await FailsAsync();
        await Alice.TypesAsync(roomId, typing: false);

        // The server that answers gets the end, so that it was offered to the other one too.
        await Until.HoldsAsync(() => !Typing(other).LastOrDefault(true));
        var said = await Alice.SaysAsync(roomId, "hello");
        await Peer.UpAsync();
        await Task.Delay(200);
        await WakeAsync();

        await Peer.HasTakenAsync(1);
        await Task.Delay(200);

        Assert.That(Peer.Events, Is.EqualTo(new[] { said }));
        Assert.That(Taken("m.typing"), Is.Empty);
        await Alice.TypesAsync(roomId, timeout: 20_000);
        await HasTakenAsync("m.typing", 1);
    }

    [Test]
    public async Task Typing_alone_tries_a_server_again_after_its_pause()
    {
        var room = await RoomAsync();
        await Peer.DownAsync();
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await FailsAsync();
        await Peer.UpAsync();
        await Task.Delay(500);

        await Alice.TypesAsync(room.RoomId, typing: false);
        await HasTakenAsync("m.typing", 1);

        Assert.That(Typing(), Is.EqualTo(new[] { false }));
    }

    [Test]
    public async Task A_stop_follows_a_start_that_is_sent_again()
    {
        await RestartAsync(("federation.outbound_first_pause", "1s"), ("federation.outbound_longest_pause", "1s"));
        var room = await RoomAsync();
        var hold = new TaskCompletionSource();
        Peer.Respond = async _ =>
        {
            if (Peer.All.Count == 1) await hold.Task;
            return Peer.All.Count == 2 ? Results.StatusCode(503) : null;
        };
        await Alice.SaysAsync(room.RoomId, "first");
        await EventuallyAsync(() => Task.FromResult(Peer.All.Count), 1);
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await Alice.SaysAsync(room.RoomId, "second");
        await Server.IsQueuedAsync();
        await Until.HoldsAsync(() => Edus<TypingEdus>().HasFor(Peer.Peer.Name));
        hold.SetResult();
        await FailsAsync();
        await Alice.TypesAsync(room.RoomId, typing: false);

        await HasTakenAsync("m.typing", 2);

        Assert.That(Peer.All[1].Body["pdus"]!.AsArray(), Has.Count.EqualTo(1), "both are in the transaction");
        Assert.That(Typing(), Is.EqualTo(new[] { true, false }));
    }

    [Test]
    public async Task A_server_that_has_left_gets_none()
    {
        var room = await RoomAsync();
        var hold = new TaskCompletionSource();
        Peer.Respond = async _ =>
        {
            await hold.Task;
            return null;
        };
        var said = await Alice.SaysAsync(room.RoomId, "hello");
        await EventuallyAsync(() => Task.FromResult(Peer.All.Count), 1);
        await Alice.TypesAsync(room.RoomId, timeout: 20_000);
        await Alice.ReadsAsync(room.RoomId, said);
        await Until.HoldsAsync(
            () => Edus<TypingEdus>().HasFor(Peer.Peer.Name) && Edus<ReceiptEdus>().HasFor(Peer.Peer.Name));
        await Alice.KicksAsync(room.RoomId, Bob);
        hold.SetResult();

        await Peer.HasTakenAsync(2);
        await Task.Delay(300);

        Assert.That(Peer.Taken.SelectMany(each => each.Body["edus"]!.AsArray()), Is.Empty);
    }

    [Test]
    public async Task A_user_of_another_server_is_shown_until_they_stop()
    {
        var room = await RoomAsync();

        await SendAsync("m.typing", Content(room.RoomId, Bob, true));
        Assert.That(await Alice.TypingAsync(room.RoomId), Is.EqualTo(new[] { Bob }));
        await SendAsync("m.typing", Content(room.RoomId, Bob, false));
        Assert.That(await Alice.TypingAsync(room.RoomId), Is.Empty);

        Assert.That(Taken("m.typing"), Is.Empty, "users of other servers are not passed on");
    }

    [Test]
    public async Task A_user_of_another_server_ends_by_time_and_by_leaving()
    {
        await RestartAsync(("sync.remote_typing", "1s"));
        var room = await RoomAsync();
        await Until.HoldsAsync(async () =>
        {
            // Again if the time was over before the user was looked for.
            await SendAsync("m.typing", Content(room.RoomId, Bob, true));
            return (await Alice.TypingAsync(room.RoomId)).Contains(Bob);
        });
        await EventuallyAsync(async () => (await Alice.TypingAsync(room.RoomId)).Count, 0);

        await RestartAsync();
        room = await RoomAsync();
        await SendAsync("m.typing", Content(room.RoomId, Bob, true));
        var leave = room.Makes("bob", "m.room.member", Bob, new() { ["membership"] = "leave" });
        (await room.SendAsync(Server, "leave", leave)).Is(200);
        await EventuallyAsync(async () => (await Alice.TypingAsync(room.RoomId)).Count, 0);
    }

    [Test]
    public async Task What_a_server_may_not_send_is_ignored()
    {
        var room = await RoomAsync();
        var denied = await RoomAsync();
        await DenyAsync(denied.RoomId);
        var other = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);

        await SendAsync(
            "m.typing",
            Content(room.RoomId, Alice.UserId, true),
            Content(room.RoomId, $"@carol:{Peer.Peer.Name}", true),
            Content(room.RoomId, "@bob:elsewhere.example", true),
            Content(room.RoomId, "bob", true),
            Content(denied.RoomId, Bob, true),
            Content(other, Bob, true),
            Content("!unknown:elsewhere.example", Bob, true),
            Content("", Bob, true),
            new JsonObject { ["room_id"] = room.RoomId, ["user_id"] = Bob },
            new JsonObject { ["room_id"] = room.RoomId, ["user_id"] = Bob, ["typing"] = "yes" },
            new JsonObject { ["room_id"] = 1, ["user_id"] = Bob, ["typing"] = true });

        foreach (var roomId in new[] { room.RoomId, denied.RoomId, other })
        {
            Assert.That(await Alice.TypingAsync(roomId), Is.Empty);
        }
    }

    /// <summary>Whether the user types, by each notification that a peer took.</summary>
    private IReadOnlyList<bool> Typing(ReceivingPeer? peer = null) =>
        [.. Taken("m.typing", peer).Select(content => (bool)content["typing"]!)];

    private T Edus<T>()
        where T : IEduSource => Server.Services.GetRequiredService<T>();

    private static string Text(JsonObject content) => content.ToJsonString();

    private static JsonObject Content(string roomId, string userId, bool isTyping) => new()
    {
        ["room_id"] = roomId,
        ["user_id"] = userId,
        ["typing"] = isTyping,
    };
}
