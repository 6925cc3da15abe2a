using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>
/// Rooms that the user left, in the unstable form: clients take a room for joined unless their own member event is in
/// its state.
/// </summary>
internal sealed class SlidingDepartureTests(string kind) : TwoInARoomTests(kind)
{
    private const string Elsewhere = "!room:elsewhere.example";
    private const string Eve = "@eve:elsewhere.example";

    private static JsonArray Name => new(new JsonArray("m.room.name", ""));

    [Test]
    public async Task A_departure_that_is_in_the_timeline_is_in_the_state_too()
    {
        var first = await Bob.SlidesAsync(AllRooms(state: Name));
        await Alice.KicksAsync(Room, Bob);
        var kicked = await Bob.SlidesAsync(AllRooms(state: Name), first.Pos);
        Assert.That((string)kicked.Events(Room, "timeline")[^1]["content"]!["membership"]!, Is.EqualTo("leave"));
        Assert.That(Own(kicked, Room), Is.EqualTo("leave"));
    }

    [Test]
    public async Task A_kick_and_then_a_ban_end_with_the_ban([Values] bool isAtOnce)
    {
        var shown = await Bob.SlidesAsync(AllRooms(state: Name));
        await Alice.KicksAsync(Room, Bob);
        if (!isAtOnce) shown = await Bob.SlidesAsync(AllRooms(state: Name), shown.Pos);
        await Alice.BansAsync(Room, Bob);
        shown = await Bob.SlidesAsync(AllRooms(state: Name), shown.Pos);
        Assert.That(Own(shown, Room), Is.EqualTo("ban"));
    }

    [Test]
    public async Task A_ban_that_was_lifted_ends_with_a_leave([Values] bool isAtOnce)
    {
        var shown = await Bob.SlidesAsync(AllRooms(state: Name));
        await Alice.BansAsync(Room, Bob);
        if (!isAtOnce) shown = await Bob.SlidesAsync(AllRooms(state: Name), shown.Pos);
        (await Alice.PostAsync(
            $"rooms/{UserActions.Esc(Room)}/unban", new JsonObject { ["user_id"] = Bob.UserId })).Is(200);
        shown = await Bob.SlidesAsync(AllRooms(state: Name), shown.Pos);
        Assert.That(Own(shown, Room), Is.EqualTo("leave"));
    }

    [Test]
    public async Task A_longer_timeline_of_a_room_that_was_left_comes_with_the_departure()
    {
        var first = await Bob.SlidesAsync(AllRooms(timeline: 1, state: Name));
        await Alice.KicksAsync(Room, Bob);
        var kicked = await Bob.SlidesAsync(AllRooms(timeline: 1, state: Name), first.Pos);
        var more = await Bob.SlidesAsync(AllRooms(timeline: 5, state: Name), kicked.Pos);
        Assert.That(more.Events(Room, "timeline"), Has.Count.GreaterThan(1));
        Assert.That(Own(more, Room), Is.EqualTo("leave"));
    }

    [Test]
    public async Task A_declined_invite_of_a_room_of_this_server_has_the_member_event_in_its_state()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(room, Bob);
        var invited = await Bob.SlidesAsync(AllRooms(state: Name));
        await Bob.LeavesAsync(room);
        Assert.That(Own(await Bob.SlidesAsync(AllRooms(state: Name), invited.Pos), room), Is.EqualTo("leave"));
    }

    [Test]
    public async Task An_invite_of_another_server_that_ended_has_the_member_event_in_its_state()
    {
        var (invite, leave) = ("$" + new string('a', 43), "$" + new string('b', 43));
        await WritesAsync(new StrippedRoomEntered(
            Bob.UserId,
            new StrippedRoomRow(
                Elsewhere, "11", "elsewhere.example", Membership.Invite, Eve, invite, "{}"u8.ToArray(),
                "[]"u8.ToArray(), 0),
            100));
        var invited = await Bob.SlidesAsync(AllRooms(state: Name));
        Assert.That(invited.Room(Elsewhere).ContainsKey("invite_state"), Is.True);

        var withdrawn = $$$"""
            {"auth_events":[],"content":{"membership":"leave"},"depth":5,"hashes":{},"origin_server_ts":7,
            "prev_events":[],"room_id":"{{{Elsewhere}}}","sender":"{{{Eve}}}","signatures":{},
            "state_key":"{{{Bob.UserId}}}","type":"m.room.member"}
            """.ReplaceLineEndings("");
        await WritesAsync(new StrippedRoomLeft(
            Bob.UserId, Elsewhere, invite, Eve, leave, Encoding.UTF8.GetBytes(withdrawn), 100));
        var gone = await Bob.SlidesAsync(AllRooms(state: Name), invited.Pos);
        Assert.That(gone.Room(Elsewhere).ContainsKey("invite_state"), Is.False);
        Assert.That(Own(gone, Elsewhere), Is.EqualTo("leave"));
        Assert.That((string)gone.Events(Elsewhere, "timeline")[0]["event_id"]!, Is.EqualTo(leave));
    }

    /// <summary>The last membership of the user in the state of a room; null if there is none.</summary>
    private string? Own(SlidingReply reply, string room) => (string?)reply.Events(room, "required_state")
        .LastOrDefault(each => (string?)each["type"] == "m.room.member" && (string?)each["state_key"] == Bob.UserId)
        ?["content"]!["membership"];

    private async Task WritesAsync(Change change) => await Server.Services.GetRequiredService<OpenedStorage>()
        .Writer.WriteAsync(Batches.New(1).Add(change), CancellationToken.None);
}
