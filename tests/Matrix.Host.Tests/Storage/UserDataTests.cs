using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.ToDevice;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Account data, profiles, filters, aliases and the directory, messages to devices.</summary>
internal sealed class UserDataTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task Account_data_is_kept_by_user_room_and_type()
    {
        var first = await Write(
            new AccountDataPut(Alice, null, "m.direct", Json("{\"v\":1}")),
            new AccountDataPut(Alice, Kitchen, "m.tag", Json("{\"v\":2}")));
        var second = await Write(
            new AccountDataPut(Alice, null, "m.direct", Json("{\"v\":3}")),
            new AccountDataPut(Bob, null, "m.direct", Json("{\"v\":4}")));

        var direct = (await Store.AccountData.FindAsync(Alice, null, "m.direct", Stop))!;
        var since = await Store.AccountData.OfUserAsync(Alice, first, second, Stop);
        var room = await Store.AccountData.OfRoomAsync(Alice, Kitchen, Stop);

        Assert.That(
            (direct.Room, Text(direct.Content), direct.Position),
            Is.EqualTo(((Matrix.Host.Storage.RoomNid?)null, "{\"v\":3}", second)));
        Assert.That(since.Select(row => row.Type), Is.EqualTo(new[] { "m.direct" }));
        Assert.That((room.Single().Room, Text(room.Single().Content)), Is.EqualTo((Kitchen, "{\"v\":2}")));
        Assert.That(await Store.AccountData.OfUserAsync(Alice, 0, second, Stop), Has.Count.EqualTo(2));
        Assert.That(await Store.AccountData.FindAsync(Alice, Kitchen, "m.direct", Stop), Is.Null);

        Assert.That(await Store.AccountData.CountAsync(Alice, Stop), Is.EqualTo((2, 0)));

        await Write(new AccountDataDeleted(Alice));
        Assert.That(await Store.AccountData.CountAsync(Alice, Stop), Is.EqualTo((0, 0)));
        Assert.That(await Store.AccountData.OfUserAsync(Alice, 0, long.MaxValue, Stop), Is.Empty);
        Assert.That(await Store.AccountData.OfUserAsync(Bob, 0, long.MaxValue, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Deleted_account_data_is_told_to_those_who_read_on_and_to_nobody_else()
    {
        var put = await Write(
            new AccountDataPut(Alice, null, "org.example.a", Json("{\"v\":1}")),
            new AccountDataPut(Alice, Kitchen, "org.example.b", Json("{\"v\":2}")),
            new AccountDataPut(Alice, Kitchen, "org.example.c", Json("{}")));
        var deleted = await Write(
            AccountDataPut.Deletion(Alice, null, "org.example.a"),
            AccountDataPut.Deletion(Alice, Kitchen, "org.example.b"));

        Assert.That(await Store.AccountData.FindAsync(Alice, null, "org.example.a", Stop), Is.Null);
        var room = await Store.AccountData.OfRoomAsync(Alice, Kitchen, Stop);
        Assert.That(room.Select(row => row.Type), Is.EqualTo(new[] { "org.example.c" }));
        var whole = await Store.AccountData.OfUserAsync(Alice, 0, deleted, Stop);
        Assert.That(whole.Select(row => row.Type), Is.EqualTo(new[] { "org.example.c" }));
        var since = await Store.AccountData.OfUserAsync(Alice, put, deleted, Stop);
        Assert.That(
            since.Select(row => (row.Type, Text(row.Content))),
            Is.EquivalentTo(new[] { ("org.example.a", "{}"), ("org.example.b", "{}") }));
        Assert.That(await Store.AccountData.CountAsync(Alice, Stop), Is.EqualTo((3, 2)));

        await Write(new DeletedAccountDataForgotten(Alice));
        Assert.That(await Store.AccountData.CountAsync(Alice, Stop), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task A_profile_is_fields_that_are_put_and_deleted()
    {
        await Write(
            new ProfileFieldChanged(Alice, "displayname", Json("\"Alice\"")),
            new ProfileFieldChanged(Alice, "org.example.x", Json("{}")),
            new ProfileFieldChanged(Bob, "displayname", Json("\"Bob\"")));
        await Write(
            new ProfileFieldChanged(Alice, "displayname", Json("\"A\"")),
            new ProfileFieldDeleted(Alice, "nothing"));

        var profile = await Store.Profiles.FindAsync(Alice, Stop);

        Assert.That(profile.ToDictionary(field => field.Key, field => Text(field.Value)), Is.EqualTo(
            new Dictionary<string, string> { ["displayname"] = "\"A\"", ["org.example.x"] = "{}" }));
        Assert.That(Text((await Store.Profiles.FieldAsync(Alice, "displayname", Stop))!.Value), Is.EqualTo("\"A\""));
        Assert.That(await Store.Profiles.FieldAsync(Alice, "avatar_url", Stop), Is.Null);

        await Write(new ProfileFieldDeleted(Alice, "displayname"));
        Assert.That(await Store.Profiles.FindAsync(Alice, Stop), Has.Count.EqualTo(1));
        await Write(new ProfileDeleted(Alice));
        Assert.That(await Store.Profiles.FindAsync(Alice, Stop), Is.Empty);
        Assert.That(await Store.Profiles.FindAsync(Bob, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task The_same_filter_is_stored_once_and_numbers_are_each_users_own()
    {
        async Task<long> Put(string user, string json)
        {
            var put = new FilterCreated(user, Json(json));
            Assert.That(await Applies(put), Is.True);
            return put.FilterId;
        }

        Assert.That(await Put(Alice, "{\"a\":1}"), Is.EqualTo(0));
        Assert.That(await Put(Alice, "{\"a\":2}"), Is.EqualTo(1));
        Assert.That(await Put(Alice, "{\"a\":1}"), Is.EqualTo(0));
        Assert.That(await Put(Bob, "{\"a\":2}"), Is.EqualTo(0));
        Assert.That(Text((await Store.Filters.FindAsync(Alice, 1, Stop))!.Value), Is.EqualTo("{\"a\":2}"));
        Assert.That(await Store.Filters.FindAsync(Bob, 1, Stop), Is.Null);
    }

    [Test]
    public async Task An_alias_stands_for_one_room()
    {
        await Write(Room(Kitchen), Room(Garden));

        Assert.That(await Applies(new AliasCreated("#b:example.org", Kitchen, Alice)), Is.True);
        Assert.That(await Applies(new AliasCreated("#b:example.org", Garden, Bob)), Is.False);
        Assert.That(await Applies(new AliasCreated("#a:example.org", Kitchen, Bob)), Is.True);

        Assert.That(
            await Store.Aliases.FindAsync("#b:example.org", Stop),
            Is.EqualTo(new AliasRow("#b:example.org", Kitchen, RoomIdOf(Kitchen), Alice)));
        Assert.That(
            await Store.Aliases.OfRoomAsync(Kitchen, Stop),
            Is.EqualTo(new[] { "#a:example.org", "#b:example.org" }));
        Assert.That(await Applies(new AliasDeleted("#b:example.org")), Is.True);
        Assert.That(await Applies(new AliasDeleted("#b:example.org")), Is.False);
        Assert.That(await Store.Aliases.FindAsync("#b:example.org", Stop), Is.Null);
    }

    [Test]
    public async Task The_directory_lists_published_rooms_the_fullest_first()
    {
        await Write([.. Enumerable.Range(1, 6).Select(n => Room(new(n), joined: n % 3))]);
        await Write([.. Enumerable.Range(1, 5).Select(n => new DirectoryVisibilityChanged(new(n), true))]);
        await Write(
            new DirectoryVisibilityChanged(new(5), true),
            new DirectoryVisibilityChanged(new(4), false),
            new DirectoryVisibilityChanged(new(6), false));

        var first = await Store.Aliases.PublishedAsync(RoomDirectory.Own, null, 2, Stop);
        var second = await Store.Aliases.PublishedAsync(RoomDirectory.Own, first[^1], 9, Stop);

        Assert.That(
            first.Concat(second).Select(row => (row.Room.Value, row.JoinedCount)),
            Is.EqualTo(new[] { (2, 2), (5, 2), (1, 1), (3, 0) }));
        Assert.That(await Store.Aliases.PublishedCountAsync(RoomDirectory.Own, Stop), Is.EqualTo(4));
        Assert.That(await Store.Aliases.IsPublishedAsync(new(5), Stop), Is.True);
        Assert.That(await Store.Aliases.IsPublishedAsync(new(4), Stop), Is.False);
    }

    [Test]
    public async Task Messages_to_a_device_wait_in_order_until_they_arrived()
    {
        await Write(new DeviceAdded(Alice, "PHONE", null));
        await Write(Message("1"), Message("2"));
        var second = await Write(Message("3"));
        await Write(Message("4"));

        var all = await Messages(0, long.MaxValue, 99);
        Assert.That(all.Select(row => Text(row.Json)), Is.EqualTo(new[] { "1", "2", "3", "4" }));
        Assert.That((await Messages(0, second, 99)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "1", "2", "3" }));

        await Write(new ToDeviceDelivered(Alice, "PHONE", second));
        Assert.That((await Messages(0, long.MaxValue, 99)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "4" }));
    }

    [Test]
    public async Task A_page_of_messages_to_a_device_never_ends_within_a_position()
    {
        await Write(new DeviceAdded(Alice, "PHONE", null));
        await Write(Message("1"));
        await Write(Message("2"), Message("3"), Message("4"));
        await Write(Message("5"));

        var pages = new List<string>();
        long after = 0;
        while (await Messages(after, long.MaxValue, 2) is { Count: > 0 } page)
        {
            pages.Add(string.Concat(page.Select(row => Text(row.Json))));
            after = page[^1].Position;
        }

        Assert.That(pages, Is.EqualTo(new[] { "1234", "5" }));
    }

    [Test]
    public async Task A_message_to_a_device_that_is_not_there_is_dropped()
    {
        await Write(Message("1"), new DeviceAdded(Alice, "PHONE", null));

        Assert.That(await Messages(0, long.MaxValue, 9), Is.Empty);
    }

    [Test]
    public async Task A_message_to_all_devices_is_kept_once_until_the_last_device_has_it_or_goes()
    {
        string[] devices = ["PHONE", "TABLET", "WATCH"];
        await Write([.. devices.Select(device => new DeviceAdded(Alice, device, null))]);
        await Write(new DeviceAdded(Bob, "PHONE", null));
        var position = await Write(
            new ToDeviceSent(Bob, ToDeviceSent.AllDevices, Json("bob")) { Sender = Bob },
            new ToDeviceSent(Alice, ToDeviceSent.AllDevices, Json("one")) { Sender = Bob },
            new ToDeviceSent(Alice, "PHONE", Json("own")) { Sender = Bob },
            new ToDeviceSent(Alice, ToDeviceSent.AllDevices, Json("two")) { Sender = Alice },
            new ToDeviceSent("@nobody:here", ToDeviceSent.AllDevices, Json("none")));

        Assert.That(await Store.ToDevice.CountSharedAsync(Stop), Is.EqualTo(3));
        Assert.That(await Of("PHONE"), Is.EqualTo(new[] { "one", "own", "two" }));
        Assert.That(await Of("WATCH"), Is.EqualTo(new[] { "one", "two" }));
        Assert.That(
            (await Store.ToDevice.WaitingAsync(Bob, [Alice, Bob], Stop))
                .Select(row => (row.UserId, row.DeviceId, row.Bytes)),
            Is.EquivalentTo(new[]
            {
                (Alice, "PHONE", 2L * (3 + ToDeviceSent.Overhead)),
                (Alice, "TABLET", 3L + ToDeviceSent.Overhead),
                (Alice, "WATCH", 3L + ToDeviceSent.Overhead),
                (Bob, "PHONE", 3L + ToDeviceSent.Overhead),
            }));

        await Write(new ToDeviceDelivered(Alice, "PHONE", position));
        await Write(new ToDeviceDelivered(Alice, "PHONE", position));
        await Write(new DeviceDeleted(Alice, "TABLET"));
        Assert.That(await Store.ToDevice.CountSharedAsync(Stop), Is.EqualTo(3));
        Assert.That(await Of("PHONE"), Is.Empty);
        Assert.That(await Of("WATCH"), Is.EqualTo(new[] { "one", "two" }));
        await Write(new ToDeviceDelivered(Alice, "WATCH", position));
        Assert.That(await Store.ToDevice.CountSharedAsync(Stop), Is.EqualTo(1), "Bob has his still.");

        async Task<string[]> Of(string device) =>
            [.. (await Store.ToDevice.OfDeviceAsync(Alice, device, 0, long.MaxValue, 10, Stop))
                .Select(row => Text(row.Json))];
    }

    [Test]
    public async Task The_shares_of_a_servers_users_are_parts_of_the_servers_share()
    {
        await Write(new DeviceAdded(Alice, "PHONE", null), new DeviceAdded(Bob, "PHONE", null));
        string[] servers = ["a.org", "a.org:8448", "a.org.uk", "a.or"];
        await Write(
        [
            .. servers.SelectMany(server => new[] { "x", "y" }.Select(name => new ToDeviceSent(
                Alice, "PHONE", Json("one")) { Sender = ToDeviceSent.RemoteSender(server, $"@{name}:{server}") })),
            new ToDeviceSent(Alice, "PHONE", Json("as before")) { Sender = "a.org" },
            new ToDeviceSent(Bob, "PHONE", Json("bob's")) { Sender = ToDeviceSent.RemoteSender("a.org", "@x:a.org") },
        ]);

        async Task<long[]> OfServer(string server) =>
            [.. (await Store.ToDevice.WaitingOfServerAsync(server, [Alice], Stop)).Select(row => row.Bytes)];
        var one = 3L + ToDeviceSent.Overhead;
        Assert.That(await OfServer("a.org"), Is.EqualTo(new[] { (2 * one) + 9 + ToDeviceSent.Overhead }));
        Assert.That(await OfServer("a.org:8448"), Is.EqualTo(new[] { 2 * one }));
        Assert.That(await OfServer("a.or"), Is.EqualTo(new[] { 2 * one }));
        Assert.That(await OfServer("a"), Is.Empty);
        var ofUser = await Store.ToDevice.WaitingAsync(
            ToDeviceSent.RemoteSender("a.org", "@x:a.org"), [Alice, Bob], Stop);
        Assert.That(
            ofUser.Select(row => (row.UserId, row.Bytes)),
            Is.EquivalentTo(new[] { (Alice, one), (Bob, 5L + ToDeviceSent.Overhead) }));
    }

    [Test]
    public async Task A_message_to_all_devices_stays_for_the_one_device_that_is_kept()
    {
        foreach (var device in new[] { "PHONE", "TABLET", "WATCH" }) await Write(new DeviceAdded(Alice, device, null));
        var first = await Write(new ToDeviceSent(Alice, ToDeviceSent.AllDevices, Json("one")));
        await Write(new ToDeviceSent(Alice, ToDeviceSent.AllDevices, Json("two")));
        await Write(new ToDeviceDelivered(Alice, "PHONE", first));

        await Write(new OtherDevicesDeleted(Alice, "PHONE"));

        Assert.That((await Messages(0, long.MaxValue, 9)).Select(row => Text(row.Json)), Is.EqualTo(new[] { "two" }));
        Assert.That(await Store.ToDevice.CountSharedAsync(Stop), Is.EqualTo(1));
        await Write(new OtherDevicesDeleted(Alice, null));
        Assert.That(await Store.ToDevice.CountSharedAsync(Stop), Is.Zero);
    }

    private static ToDeviceSent Message(string text) => new(Alice, "PHONE", Json(text));

    private async Task<IReadOnlyList<ToDeviceRow>> Messages(long after, long through, int limit) =>
        await Store.ToDevice.OfDeviceAsync(Alice, "PHONE", after, through, limit, Stop);
}
