using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RemoteDevices;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Device lists of other servers' users, and changes of local users' devices.</summary>
internal sealed class DeviceListsTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Bob = "@bob:b.org";
    private const string Eve = "@eve:b.org";

    [Test]
    public async Task A_fetched_list_replaces_the_cached_one()
    {
        await Write(new RemoteListFetched(List(Bob, 5), [Device(Bob, "A", "one"), Device(Bob, "B", null)]));
        await Write(new RemoteListFetched(
            List(Bob, 9) with { SharedSince = 7, MasterKey = Bytes("master"), ReceivedIds = [8, 9, long.MaxValue] },
            [Device(Bob, "B", "two"), Device(Bob, "C\0", null)]));
        await ReopenAsync();

        var row = (await Store.RemoteDevices.ListsAsync([Bob, Eve], Stop)).Single();
        Assert.That(
            (row.UserId, row.FetchedId, row.SharedSince, row.IsStale), Is.EqualTo((Bob, 9L, 7L, false)));
        Assert.That(row.ReceivedIds, Is.EqualTo(new[] { 8, 9, long.MaxValue }));
        Assert.That(Text(row.MasterKey), Is.EqualTo("master"));
        Assert.That(row.SelfSigningKey, Is.Null);
        Assert.That(
            await DevicesAsync(Bob), Is.EquivalentTo(new[] { ("B", "two", "B keys"), ("C\0", null, "C\0 keys") }));
    }

    [Test]
    public async Task Updates_change_single_devices_and_keys()
    {
        await Write(new RemoteListFetched(List(Bob, 5) with { MasterKey = Bytes("old") }, [Device(Bob, "A", "one")]));
        await Write(new RemoteListFetched(List(Eve, 5), [Device(Eve, "A", "hers")]));
        await Write(
            new RemoteDeviceChanged(Bob, "A", "renamed", Bytes("new keys")),
            new RemoteDeviceChanged(Bob, "B", null, Bytes("B keys")),
            new RemoteSigningKeysChanged(Bob, null, Bytes("self")),
            new RemoteListAdvanced(Bob, 5, IsStale: true, [6, 7]));
        await Write(new RemoteDeviceChanged(Bob, "B", null, null), new RemoteListAdvanced(Eve, 5, false, [8]));

        Assert.That(await DevicesAsync(Bob), Is.EqualTo(new[] { ("A", "renamed", "new keys") }));
        Assert.That(await DevicesAsync(Eve), Is.EqualTo(new[] { ("A", "hers", "A keys") }));
        var row = (await Store.RemoteDevices.ListsAsync([Bob], Stop)).Single();
        Assert.That((Text(row.MasterKey), Text(row.SelfSigningKey)), Is.EqualTo(("old", "self")));
        Assert.That(row.ReceivedIds, Is.EqualTo(new[] { 6, 7 }));
        Assert.That(await Store.RemoteDevices.StaleUsersAsync("", 9, Stop), Is.EqualTo(new[] { Bob }));
        Assert.That(await Store.RemoteDevices.UsersAsync(Bob, 9, Stop), Is.EqualTo(new[] { Eve }));

        await Write(new RemoteListDropped(Bob));
        Assert.That(await DevicesAsync(Bob), Is.Empty);
        Assert.That(await Store.RemoteDevices.UsersAsync("", 9, Stop), Is.EqualTo(new[] { Eve }));
        Assert.That(await Store.RemoteDevices.StaleUsersAsync("", 9, Stop), Is.Empty);
    }

    [Test]
    public async Task Changes_of_devices_are_numbered_in_a_chain()
    {
        await Write(new UserCreated(Alice, UserKind.User, "hash", false));
        await Write(new DeviceAdded(Alice, "A", "phone"), new DeviceAdded(Alice, "B", null));
        await Write(new DeviceKeysUploaded(Alice, "A", Bytes("keys")));
        await Write(new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "public", Bytes("master")));
        await Write(new CrossSigningKeyUploaded(Alice, CrossSigningUsage.UserSigning, "secret", Bytes("user")));
        await Write(new KeySignatureUploaded(Alice, "A", Alice, "ed25519:self", "signature"));
        await Write(new KeySignatureUploaded(Alice, "public", Alice, "ed25519:A", "signature"));
        await Write(new KeySignatureUploaded(Bob, "public", Alice, "ed25519:user", "signature"));
        await Write(new DeviceRenamed(Alice, "NONE", "name"));
        await Write(new DeviceDeleted(Alice, "B"));
        await Write(new DeviceDeleted(Alice, "NONE"));

        var changes = await Store.DeviceUpdates.AfterAsync(Alice, 0, 99, Stop);
        Assert.That(
            changes.Select(change => change.DeviceId), Is.EqualTo(new[] { "A", "B", "A", "", "A", "", "B" }));
        Assert.That(changes.Select(change => change.StreamId), Is.Ordered.And.Unique);
        var devices = changes.Where(change => change.DeviceId.Length > 0).ToArray();
        Assert.That(
            devices.Select(change => change.PreviousId),
            Is.EqualTo(new[] { 0L }.Concat(devices[..^1].Select(change => change.StreamId))));
        Assert.That(await Store.DeviceUpdates.LatestIdAsync(Alice, Stop), Is.EqualTo(devices[^1].StreamId));
        Assert.That(await Store.DeviceUpdates.AfterAsync(Bob, 0, 9, Stop), Is.Empty);
    }

    [Test]
    public async Task Devices_that_end_at_once_have_a_change_each()
    {
        await Write(new UserCreated(Alice, UserKind.User, "hash", false));
        await Write(
            new DeviceAdded(Alice, "A", null), new DeviceAdded(Alice, "B", null), new DeviceAdded(Alice, "C", null));
        var before = await Store.DeviceUpdates.LatestIdAsync(Alice, Stop);

        await Write(new OtherDevicesDeleted(Alice, "B"));

        var changes = await Store.DeviceUpdates.AfterAsync(Alice, before, 9, Stop);
        Assert.That(changes.Select(change => change.DeviceId), Is.EqualTo(new[] { "A", "C" }));
        Assert.That(changes[0].PreviousId, Is.EqualTo(before));
        Assert.That(changes[1].PreviousId, Is.EqualTo(changes[0].StreamId));
    }

    [Test]
    public async Task Users_with_changes_are_found_by_position_and_trimmed()
    {
        await Write(new UserCreated(Alice, UserKind.User, "hash", false), new DeviceAdded(Alice, "A", null));
        var first = Store.Writer.PublishedPosition;
        for (var i = 0; i < 5; i++) await Write(new DeviceRenamed(Alice, "A", $"name {i}"));
        var ids = (await Store.DeviceUpdates.AfterAsync(Alice, 0, 99, Stop)).Select(row => row.StreamId).ToArray();

        var row = (await Store.DeviceUpdates.ChangedAsync(first, long.MaxValue, 9, Stop)).Single();
        Assert.That((row.UserId, row.FirstId, row.Kept), Is.EqualTo((Alice, ids[1], 6)));
        Assert.That(row.FirstPosition, Is.GreaterThan(first));
        Assert.That(await Store.DeviceUpdates.ChangedAsync(long.MaxValue - 1, long.MaxValue, 9, Stop), Is.Empty);

        await Write(new DeviceUpdatesTrimmed(Alice, 2));
        var kept = await Store.DeviceUpdates.AfterAsync(Alice, 0, 99, Stop);
        Assert.That(kept.Select(change => change.StreamId), Is.EqualTo(ids[^2..]));
    }

    [Test]
    public async Task A_server_is_owed_changes_until_it_has_the_last()
    {
        await Write(new UserCreated(Alice, UserKind.User, "hash", false), new DeviceAdded(Alice, "A", null));
        await Write(new DeviceRenamed(Alice, "A", "name"));
        var ids = (await Store.DeviceUpdates.AfterAsync(Alice, 0, 99, Stop)).Select(row => row.StreamId).ToArray();
        await Write(
            new DeviceUpdatesEnqueued("b.org", Alice, ids[0] - 1),
            new DeviceUpdatesEnqueued("c.org", Alice, ids[0] - 1));

        await Write(new DeviceUpdatesEnqueued("b.org", Alice, ids[0]), new DeviceUpdatesSent("b.org", Alice, ids[0]));
        await ReopenAsync();
        Assert.That(
            await Store.DeviceUpdates.PendingAsync("b.org", "", 9, Stop),
            Is.EqualTo(new[] { new PendingUpdatesRow(Alice, ids[0]) }));
        Assert.That(await Store.DeviceUpdates.PendingServersAsync("", 9, Stop), Is.EqualTo(new[] { "b.org", "c.org" }));

        await Write(new DeviceUpdatesSent("b.org", Alice, ids[1]));
        Assert.That(await Store.DeviceUpdates.PendingServersAsync("", 9, Stop), Is.EqualTo(new[] { "c.org" }));
    }

    [Test]
    public async Task What_a_server_was_sent_before_an_import_counts_until_it_gets_a_later_change_of_a_device()
    {
        await Write(new UserCreated(Alice, UserKind.User, "hash", false), new DeviceAdded(Alice, "A", null));
        await Write(new DeviceUpdatesTrimmed(Alice, 0));
        await Write(
            new DatedChange(new DeviceUpdateImported(Alice, "A", 70), 70),
            new DatedChange(new DeviceUpdateImported(Alice, "B", 80), 80),
            new DeviceUpdatesEnqueued("b.org", Alice, 64),
            new DeviceListSentBefore("b.org", Alice, new SentBefore(60, 64)),
            new DeviceListSentBefore("c.org", Alice, new SentBefore(65, 80)));
        var imported = Store.Writer.PublishedPosition;
        await Write(new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "key", Bytes("{}")));
        await Write(new DeviceUpdatesEnqueued("c.org", Alice, 80));
        await ReopenAsync();

        var changes = await Store.DeviceUpdates.AfterAsync(Alice, 0, 9, Stop);
        Assert.That(
            changes.Select(static row => (row.StreamId, row.PreviousId, row.DeviceId)).Take(2),
            Is.EqualTo(new[] { (70L, 0L, "A"), (80L, 70L, "B") }));
        Assert.That(changes[2].StreamId, Is.GreaterThan(imported), "ids go on with the positions");
        Assert.That(
            (await Store.DeviceUpdates.ChangedAsync(69, 80, 9, Stop)).Single().FirstPosition, Is.EqualTo(70));
        Assert.That(
            await PendingAsync("b.org"), Is.EqualTo(new PendingUpdatesRow(Alice, 64, new SentBefore(60, 64))));

        await Write(
            new DeviceUpdatesSent("b.org", Alice, 70), new DeviceUpdatesSent("c.org", Alice, changes[2].StreamId));
        Assert.That(await PendingAsync("b.org"), Is.EqualTo(new PendingUpdatesRow(Alice, 70)));

        await Write(new DeviceRenamed(Alice, "A", "name"));
        await Write(new DeviceUpdatesEnqueued("c.org", Alice, changes[2].StreamId));
        Assert.That(
            (await PendingAsync("c.org")).Before, Is.EqualTo(new SentBefore(65, 80)), "it got keys, and no device");

        async Task<PendingUpdatesRow> PendingAsync(string server) =>
            (await Store.DeviceUpdates.PendingAsync(server, "", 9, Stop)).Single();
    }

    [Test]
    public async Task Rooms_shared_with_other_servers_users_are_found()
    {
        await Write(Room(Kitchen), Room(Garden));
        await Write(Joins(Kitchen, Alice, 1), Joins(Garden, Bob, 2));
        var alone = Store.Writer.PublishedPosition;
        await Write(Joins(Kitchen, Bob, 3), Joins(Kitchen, Eve, 4));
        var shared = Store.Writer.PublishedPosition;

        var rooms = await Store.Memberships.SharedRoomsAsync([Bob, Eve, "@nobody:b.org"], Stop);
        Assert.That(shared, Is.GreaterThan(alone));
        Assert.That(rooms, Is.EquivalentTo(new[]
        {
            new SharedRoomRow(Bob, Kitchen, shared), new SharedRoomRow(Eve, Kitchen, shared),
        }));
        Assert.That(await Store.Memberships.LocalUsersSharingWithAsync(Bob, Stop), Is.EqualTo(new[] { Alice }));
        Assert.That(
            await Store.Memberships.ServersSharingWithAsync(Alice, Stop),
            Is.EqualTo(new Dictionary<string, int> { ["b.org"] = 1 }));
    }

    private static MembershipChanged Joins(RoomNid room, string userId, uint ordinal) => new(
        room, userId, null, Membership.Join, EventNid.Of(room, 0x8000_0000 + ordinal), userId == Alice);

    private static RemoteListRow List(string userId, long id) => new(userId, id, 3, false, [], null, null);

    private static RemoteDeviceRow Device(string userId, string deviceId, string? name) =>
        new(userId, deviceId, name, Bytes(deviceId + " keys"));

    private async Task<IEnumerable<(string, string?, string)>> DevicesAsync(string userId) =>
        (await Store.RemoteDevices.DevicesAsync([userId], Stop))
            .Select(device => (device.DeviceId, device.DisplayName, Text(device.Keys)!));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string? Text(ReadOnlyMemory<byte>? bytes) =>
        bytes is { } some ? Encoding.UTF8.GetString(some.Span) : null;
}
