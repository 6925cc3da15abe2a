using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;

namespace Matrix.Host.Tests.Storage;

/// <summary>The tables of pushers and what they owe.</summary>
internal sealed class PushersTests(string kind) : StorageTests(kind)
{
    private static PusherRow Row(string user, string key, PusherKind kind = PusherKind.Http, string device = "") => new(
        0, kind, user, device, "app", key, "App", "Phone", "en", null, Samples.Json("{}"), 0)
    {
        IsConfirmed = kind == PusherKind.Http,
        Secret = "s" + key,
    };

    private async Task<long> SetAsync(PusherRow row, bool isAppended = true)
    {
        var set = new PusherSet(row, isAppended);
        await Write(set);
        return set.Applied ? set.PusherId : 0;
    }

    private async Task<long[]> PendingAsync(long pusher) =>
        [.. (await Store.Pushers.PendingAsync(pusher, 100, Stop)).Select(pending => pending.Position)];

    [Test]
    public async Task What_a_pusher_owes_is_kept_in_order_until_it_is_sent()
    {
        var (one, two) = (await SetAsync(Row("@a:x", "1")), await SetAsync(Row("@a:x", "2")));
        var nid = Samples.Live(Samples.Kitchen, 1);
        await Write(
            new PushEnqueued(one, 30, nid), new PushEnqueued(one, 20, nid), new PushEnqueued(two, 20, nid),
            new PushEnqueued(one, 25, EventNid.None), new PushEnqueued(one, 20, nid), new PushEnqueued(999, 20, nid));

        Assert.That(await PendingAsync(one), Is.EqualTo(new[] { 20, 25, 30 }));
        Assert.That(await PendingAsync(999), Is.Empty, "there is no such pusher");
        Assert.That(await Store.Pushers.OwingAsync(0, 10, Stop), Is.EqualTo(new[] { one, two }));

        await Write(new PushesTrimmed(one, 2));
        Assert.That(await PendingAsync(one), Is.EqualTo(new[] { 25, 30 }));
        await Write(new PushSent(one, 25, EventNid.None));
        Assert.That(await PendingAsync(one), Is.EqualTo(new[] { 30 }));
        await Write(new PusherDeleted("@a:x", "app", "1"));
        Assert.That(await PendingAsync(one), Is.Empty);
        Assert.That(await PendingAsync(two), Is.EqualTo(new[] { 20 }));
    }

    [Test]
    public async Task A_pusher_that_is_set_again_keeps_its_id_and_an_address_its_confirmation()
    {
        var id = await SetAsync(Row("@a:x", "1", PusherKind.Email));
        await Write(new PusherConfirmed(id), new PusherMailed(id));

        var changed = Row("@a:x", "1", PusherKind.Email) with { Lang = "de", Secret = "new" };
        Assert.That(await SetAsync(changed), Is.EqualTo(id));

        var row = await Store.Pushers.FindAsync(id, Stop);
        Assert.That(
            (row!.Lang, row.IsConfirmed, row.Secret, row.MailedAt > 0), Is.EqualTo(("de", true, "s1", true)));
        await SetAsync(Row("@a:x", "1"));
        await SetAsync(Row("@a:x", "1", PusherKind.Email));
        Assert.That((await Store.Pushers.FindAsync(id, Stop))!.IsConfirmed, Is.False, "of another kind meanwhile");
    }

    [Test]
    public async Task A_rejection_deletes_a_pusher_unless_it_was_set_again()
    {
        var id = await SetAsync(Row("@a:x", "1"));
        var before = (await Store.Pushers.FindAsync(id, Stop))!.SetAt;
        await Write(new PushEnqueued(id, 20, EventNid.None));
        Time.Advance(TimeSpan.FromSeconds(1));
        await SetAsync(Row("@a:x", "1"));
        var now = (await Store.Pushers.FindAsync(id, Stop))!.SetAt;

        var late = new PusherRejected(id, before);
        await Write(late);
        Assert.That((late.Applied, (await PendingAsync(id)).Length), Is.EqualTo((false, 1)));

        var rejected = new PusherRejected(id, now);
        await Write(rejected);
        Assert.That((rejected.Applied, (await PendingAsync(id)).Length), Is.EqualTo((true, 0)));
        Assert.That(await Store.Pushers.FindAsync(id, Stop), Is.Null);
    }

    [Test]
    public async Task Pushers_end_with_their_device_and_none_is_set_for_one_that_ended()
    {
        await Write(
            new UserCreated("@a:x", UserKind.User, null, false),
            new DeviceAdded("@a:x", "D", null),
            new DeviceAdded("@a:x", "E", null));
        var (one, two) = (
            await SetAsync(Row("@a:x", "1", device: "D")), await SetAsync(Row("@a:x", "2", device: "E")));
        await Write(new PushEnqueued(one, 20, EventNid.None), new DeviceDeleted("@a:x", "D"));

        Assert.That(await SetAsync(Row("@a:x", "3", device: "D")), Is.Zero);
        Assert.That(await Store.Pushers.OwingAsync(0, 10, Stop), Is.Empty);
        var left = await Store.Pushers.OfUserAsync("@a:x", Stop);
        Assert.That(left.Select(row => row.PusherId), Is.EqualTo(new[] { two }));
        await Write(new OtherDevicesDeleted("@a:x", null));
        Assert.That(await Store.Pushers.NamesAsync(0, 10, Stop), Is.Empty);
    }

    [Test]
    public async Task All_pushers_of_a_user_end_those_without_a_device_included()
    {
        var one = await SetAsync(Row("@a:x", "1"));
        var two = await SetAsync(Row("@b:x", "2"));
        await Write(new PushEnqueued(one, 20, EventNid.None), new PushEnqueued(two, 20, EventNid.None));

        await Write(new PushersOfUserDeleted("@a:x"));

        Assert.That(
            (await Store.Pushers.NamesAsync(0, 10, Stop)).Select(name => name.PusherId), Is.EqualTo(new[] { two }));
        Assert.That(await PendingAsync(one), Is.Empty);
        Assert.That(await PendingAsync(two), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task Receipts_of_local_users_that_moved_are_read_by_position_a_page_at_a_time()
    {
        await Write(Receipt("@a:x", 1), Receipt("@b:x", 1), Receipt("@far:y", 1, isLocal: false));
        var first = (await Store.Receipts.MovedFromAsync(0, "", 10, Stop))[0].Position;
        await Write(Receipt("@c:x", 1), Receipt("@a:x", 2));

        var page = await Store.Receipts.MovedFromAsync(first, "", 2, Stop);
        var next = await Store.Receipts.MovedFromAsync(page[^1].Position, page[^1].UserId, 2, Stop);

        Assert.That(page.Concat(next).Select(moved => moved.UserId), Is.EqualTo(new[] { "@b:x", "@a:x", "@c:x" }));
        Assert.That(await Store.Receipts.MovedFromAsync(page[^1].Position + 1, "", 10, Stop), Is.Empty);
    }

    private static ReceiptMoved Receipt(string user, uint at, bool isLocal = true) => new(
        Samples.Kitchen, user, "m.read", "", Samples.Live(Samples.Kitchen, at), $"$e{at}", 1, isLocal);
}
