using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.DeviceLists;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.DeviceLists;

/// <summary>Who learns of which changes of devices after an import.</summary>
internal sealed class DeviceListImportTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const string Bob = "@bob:b.org";

    protected override IReadOnlyList<string> Tables =>
    [
        KeyTables.Users,
        KeyTables.Devices,
        KeyTables.CrossSigning,
        "CREATE TABLE device_lists_stream (stream_id BIGINT NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL)",
        """
        CREATE TABLE device_lists_outbound_pokes (
            destination TEXT NOT NULL, stream_id BIGINT NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL,
            sent BOOLEAN NOT NULL, ts BIGINT NOT NULL)
        """,
        """
        CREATE TABLE device_lists_outbound_last_success (
            destination TEXT NOT NULL, user_id TEXT NOT NULL, stream_id BIGINT NOT NULL)
        """,
        """
        CREATE TABLE device_lists_changes_in_room (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, room_id TEXT NOT NULL, stream_id BIGINT NOT NULL,
            converted_to_destinations BOOLEAN NOT NULL)
        """,
        """
        CREATE TABLE device_lists_changes_converted_stream_position (
            stream_id BIGINT NOT NULL, room_id TEXT NOT NULL)
        """,
        """
        CREATE TABLE user_signature_stream (
            stream_id BIGINT NOT NULL, from_user_id TEXT NOT NULL, user_ids TEXT NOT NULL)
        """,
        "CREATE TABLE device_lists_remote_extremeties (user_id TEXT NOT NULL, stream_id TEXT NOT NULL)",
        """
        CREATE TABLE device_lists_remote_cache (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, content TEXT NOT NULL)
        """,
        "CREATE TABLE device_lists_remote_resync (user_id TEXT NOT NULL, added_ts BIGINT NOT NULL)",
    ];

    protected override IReadOnlyList<IImportPart> Parts =>
        [new KnownUsers("alice/PHONE", "alice/LAPTOP", "carol/C"), .. DeviceListParts.All];

    [SetUp]
    public async Task Users()
    {
        await Source.InsertAsync("users", ("name", Id("alice")));
        await Source.InsertAsync("users", ("name", Id("carol")));
        foreach (var (device, isHidden) in new[] { ("PHONE", false), ("LAPTOP", false), ("master", true) })
        {
            await Source.InsertAsync(
                "devices", ("user_id", Id("alice")), ("device_id", device), ("hidden", isHidden));
        }
    }

    [Test]
    public async Task A_server_that_got_everything_is_owed_nothing_and_the_next_update_names_its_last()
    {
        await LastSentAsync("b.org", "alice", 105);

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.DeviceUpdates.PendingServersAsync("", 9, Stop), Is.Empty);
        Assert.That(
            await target.DeviceUpdates.AfterAsync(Id("alice"), 0, 9, Stop), Is.Empty, "the import itself is no news");
        await WriteAsync(target, new DeviceRenamed(Id("alice"), "PHONE", "name"));
        await WriteAsync(target, new DeviceUpdatesEnqueued("b.org", Id("alice"), await AllBeforeAsync(target)));
        var change = (await target.DeviceUpdates.AfterAsync(Id("alice"), 0, 9, Stop)).Single();
        var before = (await PendingAsync(target, "b.org")).Single().Before!;
        Assert.That(change.StreamId, Is.GreaterThan((await target.Imports.FindAsync(Stop))!.StartAfter));
        Assert.That(before.LastId, Is.EqualTo(105));
        Assert.That(change.PreviousId, Is.LessThanOrEqualTo(before.ThroughId));
    }

    [Test]
    public async Task What_synapse_still_owed_is_owed_and_only_to_those_servers()
    {
        await LastSentAsync("b.org", "alice", 100);
        await LastSentAsync("c.org", "alice", 103);
        await LastSentAsync("d.org", "alice", 104);
        await PokeAsync("b.org", 101, "PHONE");
        await PokeAsync("b.org", 106, "LAPTOP");
        await PokeAsync("c.org", 107, "LAPTOP");
        await PokeAsync("c.org", 108, "master");
        await PokeAsync("new.org", 109, "DELETED");

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(
            (await target.DeviceUpdates.AfterAsync(Id("alice"), 0, 9, Stop)).Select(
                static row => (row.StreamId, row.DeviceId)),
            Is.EqualTo(new[] { (101L, "PHONE"), (107L, "LAPTOP"), (108L, ""), (109L, "DELETED") }),
            "each device once, the master key as no device");
        Assert.That(
            await target.DeviceUpdates.PendingServersAsync("", 9, Stop),
            Is.EqualTo(new[] { "b.org", "c.org", "new.org" }));
        Assert.That(
            await PendingAsync(target, "b.org"),
            Is.EqualTo(new[] { new PendingUpdatesRow(Id("alice"), 100, new SentBefore(100, 100)) }));
        Assert.That(
            await PendingAsync(target, "c.org"),
            Is.EqualTo(new[] { new PendingUpdatesRow(Id("alice"), 106, new SentBefore(103, 106)) }));
        Assert.That(
            await PendingAsync(target, "new.org"),
            Is.EqualTo(new[] { new PendingUpdatesRow(Id("alice"), 108) }), "it was never sent one");
    }

    [Test]
    public async Task Changes_that_synapse_had_not_given_out_yet_are_found_by_the_server_when_it_starts()
    {
        await Source.InsertAsync(
            "device_lists_changes_converted_stream_position", ("stream_id", 50), ("room_id", "!b:x"));
        await ChangeAsync(50, "!a:x", "PHONE", isConverted: false);
        await ChangeAsync(50, "!c:x", "LAPTOP", isConverted: false);
        await ChangeAsync(51, "!a:x", "PHONE", isConverted: true);
        await ChangeAsync(52, "!a:x", "master", isConverted: false);
        await ChangeAsync(53, "!c:x", "LAPTOP", isConverted: false);
        await PokeAsync("b.org", 40, "PHONE");

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var handled = await target.Consumers.PositionAsync("device-lists", Stop) ?? 0;
        var changed = await target.DeviceUpdates.ChangedAsync(
            handled, target.Writer.PublishedPosition, 9, Stop);
        var rows = await target.DeviceUpdates.AfterAsync(Id("alice"), changed.Single().FirstId - 1, 9, Stop);
        Assert.That(rows.Select(static row => row.DeviceId), Is.EqualTo(new[] { "LAPTOP", "" }));
        Assert.That(rows[0].PreviousId, Is.EqualTo(40));
    }

    [Test]
    public async Task Users_whose_devices_changed_after_a_token_of_synapse_are_those_after_its_number()
    {
        await StreamAsync(3, Id("alice"), "PHONE");
        await StreamAsync(9, Id("alice"), "LAPTOP");
        await StreamAsync(5, Bob, "B");
        await Source.InsertAsync(
            "user_signature_stream",
            ("stream_id", 7), ("from_user_id", Id("alice")), ("user_ids", $"[\"{Bob}\",\"{Id("carol")}\"]"));
        await Source.InsertAsync(
            "user_signature_stream", ("stream_id", 8), ("from_user_id", Id("alice")), ("user_ids", "broken"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Keys.ChangedAsync(0, 9, 9, Stop), Is.EqualTo(new[] { Bob, Id("alice") }));
        Assert.That(await target.Keys.ChangedAsync(5, 9, 9, Stop), Is.EqualTo(new[] { Id("alice") }));
        Assert.That(await target.Keys.ChangedAsync(5, 8, 9, Stop), Is.Empty);
        Assert.That(
            (await target.Keys.ChangedForAsync(Id("alice"), 6, 8, Stop)).Select(static row => row.UserId),
            Is.EquivalentTo(new[] { Bob, Id("carol") }), "alice signed their keys");
        Assert.That(
            (await target.Keys.ChangedForAsync(Id("carol"), 6, 8, Stop)), Is.Empty);
        Assert.That(
            await target.Keys.DeviceListPositionAsync(Id("alice"), Stop), Is.EqualTo(9), "the version of her list");
    }

    [Test]
    public async Task Lists_of_other_servers_users_go_on_at_the_number_that_synapse_had()
    {
        var key = Convert.ToBase64String(new byte[32]).TrimEnd('=');
        await ListAsync(Bob, "28", isStale: false);
        await ListAsync("@eve:b.org", "30", isStale: true);
        await ListAsync("@odd:b.org", "not a number", isStale: false);
        await RemoteDeviceAsync(Bob, "B1", $$$"""
            {"device_id":"B1","device_display_name":"bob's","keys":{"user_id":"{{{Bob}}}","device_id":"B1"}}
            """);
        await RemoteDeviceAsync(Bob, "B2", """{"device_id":"B2"}""");
        await RemoteDeviceAsync(Bob, "B3", """{"keys":{"user_id":"@eve:b.org","device_id":"B3"}}""");
        await RemoteDeviceAsync("@left:b.org", "L", """{"keys":{"user_id":"@left:b.org","device_id":"L"}}""");
        foreach (var usage in (string[])["master", "user_signing"])
        {
            await Source.InsertAsync(
                "e2e_cross_signing_keys",
                ("user_id", Bob),
                ("keytype", usage),
                ("keydata", $$$"""
                    {"user_id":"{{{Bob}}}","usage":["{{{usage}}}"],"keys":{"ed25519:{{{key}}}":"{{{key}}}"}}
                    """),
                ("stream_id", 1));
        }

        await ImportAsync();

        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var lists = (await target.RemoteDevices.ListsAsync([Bob, "@eve:b.org", "@odd:b.org", "@left:b.org"], Stop))
                .ToDictionary(static row => row.UserId);
            Assert.That(lists.Keys, Is.EquivalentTo(new[] { Bob, "@eve:b.org", "@odd:b.org" }));
            Assert.That((lists[Bob].FetchedId, lists[Bob].IsStale), Is.EqualTo((28L, false)));
            Assert.That(lists[Bob].SharedSince, Is.EqualTo((await target.Imports.FindAsync(Stop))!.StartAfter));
            Assert.That(Encoding.UTF8.GetString(lists[Bob].MasterKey!.Value.Span), Does.Contain(key));
            Assert.That(lists[Bob].SelfSigningKey, Is.Null);
            Assert.That(lists["@eve:b.org"].IsStale && lists["@odd:b.org"].IsStale, Is.True);
            Assert.That(
                (await target.RemoteDevices.DevicesAsync([Bob], Stop)).Select(
                    static row => (row.DeviceId, row.DisplayName)),
                Is.EqualTo(new[] { ("B1", "bob's") }));
        }

        Assert.That(
            (await FindingsAsync()).Select(static each => each.Subject), Is.EqualTo(new[] { $"{Bob} B3" }));
    }

    private static async Task WriteAsync(OpenedStorage target, Change change) =>
        _ = await target.Writer.WriteAsync(new WriteBatch(Authority.Nobody).Add(change), Stop);

    private static async Task<long> AllBeforeAsync(OpenedStorage target) =>
        (await target.DeviceUpdates.AfterAsync(Id("alice"), 0, 9, Stop))[0].StreamId - 1;

    private static ValueTask<IReadOnlyList<PendingUpdatesRow>> PendingAsync(OpenedStorage target, string server) =>
        target.DeviceUpdates.PendingAsync(server, "", 9, Stop);

    private Task LastSentAsync(string server, string user, long id) => Source.InsertAsync(
        "device_lists_outbound_last_success", ("destination", server), ("user_id", Id(user)), ("stream_id", id));

    private Task PokeAsync(string server, long id, string device) => Source.InsertAsync(
        "device_lists_outbound_pokes",
        ("destination", server),
        ("stream_id", id),
        ("user_id", Id("alice")),
        ("device_id", device),
        ("sent", false),
        ("ts", 1));

    private Task ChangeAsync(long id, string roomId, string device, bool isConverted) => Source.InsertAsync(
        "device_lists_changes_in_room",
        ("user_id", Id("alice")),
        ("device_id", device),
        ("room_id", roomId),
        ("stream_id", id),
        ("converted_to_destinations", isConverted));

    private Task StreamAsync(long id, string user, string device) => Source.InsertAsync(
        "device_lists_stream", ("stream_id", id), ("user_id", user), ("device_id", device));

    private async Task ListAsync(string user, string id, bool isStale)
    {
        await Source.InsertAsync("device_lists_remote_extremeties", ("user_id", user), ("stream_id", id));
        if (isStale) await Source.InsertAsync("device_lists_remote_resync", ("user_id", user), ("added_ts", 1));
    }

    private Task RemoteDeviceAsync(string user, string device, string json) => Source.InsertAsync(
        "device_lists_remote_cache", ("user_id", user), ("device_id", device), ("content", json));
}
