using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.BlockedRooms;

namespace Matrix.Host.Tests.Storage;

/// <summary>The audit log and blocked rooms.</summary>
internal sealed class AuditLogTests(string kind) : StorageTests(kind)
{
    private static AdminActionRecorded Act(string who, string action, string target, long most = 9) =>
        new(who, "127.0.0.1", action, target, "done", KeptFor: 1000, most);

    [Test]
    public async Task Entries_are_found_by_who_action_and_target_the_newest_first()
    {
        await Write(Act("@a:x", "user.create", "@u:x"), Act("@b:x", "user.create", "@v:x"));
        await Write(Act("@a:x", "room.block", "!r:x"));

        Assert.That(await TargetsAsync(new AuditQuery()), Is.EqualTo(new[] { "!r:x", "@v:x", "@u:x" }));
        Assert.That(await TargetsAsync(new AuditQuery(Who: "@a:x")), Is.EqualTo(new[] { "!r:x", "@u:x" }));
        Assert.That(await TargetsAsync(new AuditQuery(Action: "user.create")), Is.EqualTo(new[] { "@v:x", "@u:x" }));
        Assert.That(await TargetsAsync(new AuditQuery(Target: "@v:x")), Is.EqualTo(new[] { "@v:x" }));
        Assert.That(await Store.AuditLog.CountAsync(new AuditQuery(Who: "@a:x"), Stop), Is.EqualTo(2));
        var last = (await Store.AuditLog.NewestAsync(new AuditQuery(), long.MaxValue, 1, Stop)).Single();
        Assert.That(
            (await Store.AuditLog.NewestAsync(new AuditQuery(), last.Id, 9, Stop)).Select(row => row.Target),
            Is.EqualTo(new[] { "@v:x", "@u:x" }));
    }

    [Test]
    public async Task Entries_beyond_the_bounds_of_number_and_age_are_deleted()
    {
        for (var i = 0; i < 5; i++) await Write(Act("@a:x", "act", $"{i}", most: 3));
        Assert.That(await TargetsAsync(new AuditQuery()), Is.EqualTo(new[] { "4", "3", "2" }));

        Time.Advance(TimeSpan.FromSeconds(2));
        await Write(Act("@a:x", "act", "late"));
        Assert.That(await TargetsAsync(new AuditQuery()), Is.EqualTo(new[] { "late" }));
    }

    [Test]
    public async Task A_room_is_blocked_until_it_is_unblocked()
    {
        await Write(new RoomBlocked("!r:x", "@a:x"), new RoomBlocked("!q:x", "@a:x"));
        await Write(new RoomBlocked("!r:x", "@b:x"));
        Assert.That((await Store.BlockedRooms.FindAsync("!r:x", Stop))!.BlockedBy, Is.EqualTo("@a:x"));
        Assert.That(await Store.BlockedRooms.ListAsync("", 9, Stop), Is.EqualTo(new[] { "!q:x", "!r:x" }));

        await Write(new RoomUnblocked("!r:x"));
        Assert.That(await Store.BlockedRooms.FindAsync("!r:x", Stop), Is.Null);
    }

    private async Task<IEnumerable<string>> TargetsAsync(AuditQuery query) =>
        (await Store.AuditLog.NewestAsync(query, long.MaxValue, 99, Stop)).Select(row => row.Target);
}
