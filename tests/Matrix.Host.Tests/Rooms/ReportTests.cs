using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Reports of events, rooms and users. Client-Server API, "Reporting Content".</summary>
internal sealed class ReportTests : TwoUsersTests
{
    private static JsonObject Reason(string reason) => new() { ["reason"] = reason };

    [Test]
    public async Task A_member_reports_an_event_and_the_operators_find_it_after_a_restart()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var said = await Bob.SaysAsync(room, "bad");

        (await Alice.PostAsync(EventPath(room, said), new JsonObject { ["reason"] = "rude", ["score"] = -100 }))
            .Is(200);
        (await Alice.PostAsync(EventPath(room, said))).Is(200);

        await Server.RestartAsync();
        var stored = await StoredAsync();
        Assert.That(stored.Select(row => row.Reporter), Is.All.EqualTo(Alice.UserId));
        Assert.That(
            stored.Select(row => row.Content),
            Is.EqualTo(new[]
            {
                new ReportedContent(ReportKind.Event, room, said, Bob.UserId, ""),
                new ReportedContent(ReportKind.Event, room, said, Bob.UserId, "rude"),
            }));
    }

    [Test]
    public async Task An_event_that_one_may_not_see_is_as_one_that_does_not_exist()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SetsAsync(room, "m.room.history_visibility", new() { ["history_visibility"] = "joined" });
        var said = await Alice.SaysAsync(room, "before");

        var outside = (await Bob.PostAsync(EventPath(room, said), Reason("x"))).Is(404, "M_NOT_FOUND");
        var nowhere = (await Bob.PostAsync(EventPath("!none:x", said), Reason("x"))).Is(404, "M_NOT_FOUND");
        await Bob.JoinsAsync(room);
        var hidden = (await Bob.PostAsync(EventPath(room, said), Reason("x"))).Is(404, "M_NOT_FOUND");
        var missing = (await Bob.PostAsync(
            EventPath(room, "$" + new string('A', 43)), Reason("x"))).Is(404, "M_NOT_FOUND");
        await Bob.LeavesAsync(room);
        (await Bob.PostAsync(EventPath(room, said), Reason("x"))).Is(404, "M_NOT_FOUND");

        Assert.That(new[] { nowhere.Text, hidden.Text, missing.Text }, Is.All.EqualTo(outside.Text));
        Assert.That(await StoredAsync(), Is.Empty);
    }

    [Test]
    public async Task Rooms_and_users_are_reported_by_anybody_and_the_answer_tells_not_whether_they_exist()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        foreach (var name in (string[])[room, "!none:elsewhere.example"])
        {
            Assert.That(
                (await Bob.PostAsync($"rooms/{UserActions.Esc(name)}/report", Reason(""))).Is(200).Text,
                Is.EqualTo("{}"));
        }

        foreach (var name in (string[])[Alice.UserId, "@none:test.example"])
        {
            Assert.That(
                (await Bob.PostAsync($"users/{UserActions.Esc(name)}/report", Reason("spam"))).Is(200).Text,
                Is.EqualTo("{}"));
        }

        Assert.That(
            (await StoredAsync()).Select(row => (row.Content.Kind, row.Content.RoomId ?? row.Content.UserId)),
            Is.EqualTo(new[]
            {
                (ReportKind.User, "@none:test.example"), (ReportKind.User, Alice.UserId),
                (ReportKind.Room, "!none:elsewhere.example"), (ReportKind.Room, room),
            }));
    }

    [Test]
    public async Task Wrong_requests_are_refused()
    {
        var room = await Alice.CreatesRoomAsync();
        var said = await Alice.SaysAsync(room, "x");
        foreach (var path in (string[])[$"rooms/{room}/report", $"users/{Bob.UserId}/report"])
        {
            (await Alice.PostAsync(path)).Is(400, "M_BAD_JSON");
            (await Alice.PostAsync(path, new JsonObject { ["reason"] = 1 })).Is(400, "M_BAD_JSON");
            (await Alice.PostAsync(path, Reason(new string('x', 5000)))).Is(400, "M_INVALID_PARAM");
            (await Server.Anyone.PostAsync(path, Reason("x"))).Is(401, "M_MISSING_TOKEN");
        }

        (await Alice.PostAsync(EventPath(room, said), new JsonObject { ["reason"] = 1 })).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync("users/nobody/report", Reason("x"))).Is(400, "M_INVALID_PARAM");
        Assert.That(await StoredAsync(), Is.Empty);
    }

    [Test]
    public async Task Many_reports_of_one_user_do_not_displace_those_of_others()
    {
        await Server.RestartAsync(("limits.reports", "3"), ("limits.reports_of_user", "1"));
        (await Bob.PostAsync("rooms/!bobs:x/report", Reason("x"))).Is(200);
        for (var i = 0; i < 5; i++) (await Alice.PostAsync($"rooms/!r{i}:x/report", Reason("x"))).Is(200);

        Assert.That((await StoredAsync()).Select(row => row.Reporter), Is.EquivalentTo([Alice.UserId, Bob.UserId]));
    }

    [Test]
    public async Task Reports_have_a_rate_of_their_own()
    {
        await Server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.reports_per_second", "0.001"),
            ("rate_limits.reports_burst", "2"));
        for (var i = 0; i < 2; i++) (await Alice.PostAsync("rooms/!r:x/report", Reason("x"))).Is(200);
        (await Alice.PostAsync($"users/{Bob.UserId}/report", Reason("x"))).Is(429, "M_LIMIT_EXCEEDED");
        (await Alice.GetAsync("account/whoami")).Is(200);
    }

    private static string EventPath(string room, string eventId) =>
        $"rooms/{UserActions.Esc(room)}/report/{UserActions.Esc(eventId)}";

    private async Task<IReadOnlyList<ReportRow>> StoredAsync() =>
        await ((OpenedStorage)Server.Services.GetService(typeof(OpenedStorage))!)
            .Reports.NewestAsync(long.MaxValue, 99, CancellationToken.None);
}
