using System.Text.Json.Nodes;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>
/// What changes while a room is outside the window, while the server is down, or while the user's stream does not have
/// the room.
/// </summary>
internal sealed class SlidingMissedTests(string kind) : TwoInARoomTests(kind)
{
    private static readonly string[] _noOne = [];

    [Test]
    public async Task A_room_that_comes_back_into_the_window_is_without_users_who_stopped_typing()
    {
        var other = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(other);
        await Alice.SaysAsync(Room, "first");
        var body = AllRooms(last: 0).WithExtensions("typing");
        var shown = await Bob.SlidesAsync(body);
        Assert.That(shown.RoomIds, Is.EqualTo(new[] { Room }));
        await Alice.TypesAsync(Room);
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(Typing(shown), Is.EqualTo(new[] { Alice.UserId }));

        await Alice.SaysAsync(other, "above");
        shown = await Bob.SlidesAsync(body, shown.Pos);
        await Alice.TypesAsync(Room, typing: false);
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(Typing(shown), Is.Null);

        await Bob.LeavesAsync(other);
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(Typing(shown), Is.EqualTo(_noOne));
        Assert.That(Typing(await Bob.SlidesAsync(body, shown.Pos)), Is.Null);
    }

    [Test]
    public async Task After_a_restart_nobody_types()
    {
        await Alice.TypesAsync(Room);
        var body = AllRooms().WithExtensions("typing");
        var shown = await Bob.SlidesAsync(body);
        Assert.That(Typing(shown), Is.EqualTo(new[] { Alice.UserId }));
        await Server.RestartAsync();
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(Typing(shown), Is.EqualTo(_noOne));
        Assert.That(Typing(await Bob.SlidesAsync(body, shown.Pos)), Is.Null);
    }

    [Test]
    public async Task More_rooms_than_fit_are_looked_at_and_then_requests_wait()
    {
        await Server.RestartAsync(("sync.sliding_rooms", "2"));
        var message = await Alice.SaysAsync(Room, "unread");
        for (var i = 0; i < 4; i++)
        {
            var other = await Alice.CreatesRoomAsync();
            await Bob.JoinsAsync(other);
        }

        var extended = AllRooms().WithExtensions("receipts", "account_data");
        SlidingReply shown = await Bob.SlidesAsync(extended);
        for (var i = 0; i < 4; i++) shown = await Bob.SlidesAsync(extended, shown.Pos);

        await Alice.CreatesRoomAsync();

        // The stream of the new process does not reach back to the receipts, which this request does not ask for.
        await Server.RestartAsync();
        for (var i = 0; i < 4; i++) shown = await Bob.SlidesAsync(AllRooms(), shown.Pos);
        await Bob.ReadsAsync(Room, message);
        shown = await Bob.SlidesAsync(AllRooms(), shown.Pos);
        Assert.That((int?)shown.Rooms[Room]?["notification_count"], Is.Zero);

        var wait = Bob.SlidesAsync(AllRooms(), shown.Pos, 20_000);
        await Task.WhenAny(wait, Task.Delay(500));
        Assert.That(wait.IsCompleted, Is.False);
        await Alice.SaysAsync(Room, "news");
        Assert.That((await wait).Bodies(Room), Is.EqualTo(new[] { "news" }));
    }

    [Test]
    public async Task Account_data_and_tags_of_a_room_that_the_stream_does_not_have_come_too()
    {
        var body = AllRooms().WithExtensions("account_data");
        var tagged = AllRooms().WithFilter(new JsonObject { ["tags"] = new JsonArray("m.favourite") }).Named("tags");
        var first = await Bob.SlidesAsync(body);
        await Alice.KicksAsync(Room, Bob);
        first = await Bob.SlidesAsync(body, first.Pos);
        await Server.RestartAsync();
        first = await Bob.SlidesAsync(body, first.Pos);
        var favourites = await Bob.SlidesAsync(tagged);
        Assert.That(favourites.Count("all"), Is.Zero);

        (await Bob.PutAsync(
            $"user/{UserActions.Esc(Bob.UserId)}/rooms/{UserActions.Esc(Room)}/tags/m.favourite")).Is(200);
        var next = await Bob.SlidesAsync(body, first.Pos);
        Assert.That((string)next.Extension("account_data")!["rooms"]![Room]![0]!["type"]!, Is.EqualTo("m.tag"));
        favourites = await Bob.SlidesAsync(tagged, favourites.Pos);
        Assert.That(favourites.Count("all"), Is.EqualTo(1));
        Assert.That(favourites.RoomIds, Is.EqualTo(new[] { Room }));

        Assert.That((await Bob.SlidesAsync(body, next.Pos)).Extensions, Is.Empty);
    }

    [Test]
    public async Task A_forgotten_room_goes_from_lists_although_a_request_was_cancelled()
    {
        await Alice.KicksAsync(Room, Bob);
        Assert.That((await Bob.SlidesAsync(AllRooms())).RoomIds, Is.EqualTo(new[] { Room }));
        (await Bob.PostAsync($"rooms/{UserActions.Esc(Room)}/forget")).Is(200);

        var rooms = Server.Services.GetRequiredService<UserRoomsCache>().Of(Bob.UserId);
        var notifier = Server.Services.GetRequiredService<Notifier>();
        var reader = Server.Services.GetRequiredService<UserRoomsReader>();
        Assert.That(
            async () => await reader.UpdateAsync(
                rooms, notifier.Find(Bob.UserId), notifier.Applied, new CancellationToken(canceled: true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(rooms.IsStale, Is.False);
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("new"))).RoomIds, Is.Empty);
    }

    /// <summary>The typing users of the room; null if the response does not have them.</summary>
    private string[]? Typing(SlidingReply reply) =>
        reply.Extension("typing")?["rooms"]?[Room]?["content"]?["user_ids"] is JsonArray users
            ? [.. users.Select(user => (string)user!)]
            : null;
}
