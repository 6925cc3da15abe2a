using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.StoredBytes;

namespace Matrix.Host.Tests.Storage;

/// <summary>The bytes that users store are kept as they change, and bound what is put.</summary>
internal sealed class StoredBytesTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Bob = "@bob:example.org";

    private static readonly RoomNid _room = new(7);

    private const string Rows = """

        INSERT INTO device_keys (user_id, device_id, json) VALUES
            ('@alice:example.org', 'D', CAST('{"d":1}' AS BLOB)); -- SQLite only
            ('@alice:example.org', 'D', convert_to('{"d":1}', 'UTF8')); -- PostgreSQL only
        INSERT INTO one_time_keys (user_id, device_id, algorithm, place, key_id, json) VALUES
            ('@alice:example.org', 'D', 'a', 1, 'k', CAST('"one"' AS BLOB)); -- SQLite only
            ('@alice:example.org', 'D', 'a', 1, 'k', convert_to('"one"', 'UTF8')); -- PostgreSQL only
        INSERT INTO account_data (user_id, room_nid, type, content, position) VALUES
            ('@alice:example.org', 0, 'a', CAST('{"a":1}' AS BLOB), 1), -- SQLite only
            ('@alice:example.org', 7, 'b', CAST('' AS BLOB), 2), -- SQLite only
            ('@bob:example.org', 0, 'a', CAST('{}' AS BLOB), 3); -- SQLite only
            ('@alice:example.org', 0, 'a', convert_to('{"a":1}', 'UTF8'), 1), -- PostgreSQL only
            ('@alice:example.org', 7, 'b', convert_to('', 'UTF8'), 2), -- PostgreSQL only
            ('@bob:example.org', 0, 'a', convert_to('{}', 'UTF8'), 3); -- PostgreSQL only
        INSERT INTO backup_versions (user_id, version, algorithm, auth_data, etag, deleted) VALUES
            ('@alice:example.org', 1, 'x', CAST('{}' AS BLOB), 1, 1), -- SQLite only
            ('@alice:example.org', 2, 'x', CAST('{}' AS BLOB), 1, 0); -- SQLite only
            ('@alice:example.org', 1, 'x', convert_to('{}', 'UTF8'), 1, 1), -- PostgreSQL only
            ('@alice:example.org', 2, 'x', convert_to('{}', 'UTF8'), 1, 0); -- PostgreSQL only
        INSERT INTO backup_keys (user_id, version, room_id, session_id, first_message_index, forwarded_count,
            is_verified, position, session_data) VALUES
            ('@alice:example.org', 2, '!r:x', 's', 0, 0, 0, 1, CAST('{"k":1}' AS BLOB)); -- SQLite only
            ('@alice:example.org', 2, '!r:x', 's', 0, 0, 0, 1, convert_to('{"k":1}', 'UTF8')); -- PostgreSQL only
        """;

    [Test]
    public async Task Account_data_is_counted_as_it_is_put_replaced_deleted_and_forgotten()
    {
        await Puts(null, "a", 10);
        await Puts(_room, "a", 20);
        Assert.That(await BytesAsync(), Is.EqualTo(10 + 20 + 400));
        await Puts(null, "a", 15);
        Assert.That(await BytesAsync(), Is.EqualTo(15 + 20 + 400));
        await Write(AccountDataPut.Deletion(Alice, _room, "a"));
        Assert.That(await BytesAsync(), Is.EqualTo(15 + 400));
        await Write(new DeletedAccountDataForgotten(Alice));
        Assert.That(await BytesAsync(), Is.EqualTo(15 + 200));
        await Puts(_room, "b", 30);
        await Write(new RoomRowsOfUserDeleted(_room, Alice));
        Assert.That(await BytesAsync(), Is.EqualTo(15 + 200));
        await Write(new AccountDataPut(Bob, null, "a", new byte[5]));
        await Write(new AccountDataDeleted(Alice));
        Assert.That(await BytesAsync(), Is.Zero);
        Assert.That(await Store.StoredBytes.FindAsync(Bob, StoredKind.AccountData, Stop), Is.EqualTo(205));
    }

    [Test]
    public async Task What_does_not_fit_does_not_apply_and_what_does_not_grow_does()
    {
        await Puts(null, "a", 100);

        Assert.That(await Applies(new StoredBytesFit(Alice, StoredKind.AccountData, 50, 350)));
        Assert.That(await Applies(new StoredBytesFit(Alice, StoredKind.AccountData, 51, 350)), Is.False);
        Assert.That(await Applies(new StoredBytesFit(Alice, StoredKind.AccountData, 0, 10)));
        Assert.That(await Applies(new StoredBytesFit(Alice, StoredKind.AccountData, -5, 10)));
        Assert.That(await Applies(new StoredBytesFit(Bob, StoredKind.AccountData, 350, 350)));
    }

    [Test]
    public async Task An_equal_filter_is_counted_once()
    {
        await Write(new FilterCreated(Alice, "{}"u8.ToArray()), new FilterCreated(Alice, "{\"a\":1}"u8.ToArray()));
        await Write(new FilterCreated(Alice, "{}"u8.ToArray()));

        Assert.That(await Store.StoredBytes.FindAsync(Alice, StoredKind.Filters, Stop), Is.EqualTo(2 + 7 + 400));
        await Write(new FiltersDeleted(Alice));
        Assert.That(await Store.StoredBytes.FindAsync(Alice, StoredKind.Filters, Stop), Is.Zero);
    }

    [Test]
    public async Task Keys_of_backups_are_counted_and_bound_in_all_backups_together()
    {
        await Write(new BackupVersionCreated(Alice, "x", "{}"u8.ToArray()));
        await Write(Key(1, "a", 10, index: 5), Key(1, "b", 20));
        Assert.That(await CountAsync(1), Is.EqualTo(2));
        Assert.That(await HoldsAsync(2, 30));

        // A better key takes the place of another; one that is no better does not.
        await Write(Key(1, "a", 15, index: 2));
        await Write(Key(1, "a", 99, index: 9));
        Assert.That(await CountAsync(1), Is.EqualTo(2));
        Assert.That(await HoldsAsync(2, 35));

        await Write(new BackupVersionCreated(Alice, "x", "{}"u8.ToArray()));
        await Write(Key(2, "a", 40));
        Assert.That(await HoldsAsync(3, 75));
        await Write(new BackupKeysDeleted(Alice, 1, "!r:x", "b"));
        Assert.That(await CountAsync(1), Is.EqualTo(1));
        Assert.That(await HoldsAsync(2, 55));
        await Write(new BackupVersionDeleted(Alice, 1));
        Assert.That(await HoldsAsync(1, 40));
        Assert.That(await Applies(new BackupVersionDeleted(Alice, 1)), "It is gone already.");

        Assert.That(await Applies(new BackupVersionFits(Alice, 2)));
        Assert.That(await Applies(new BackupVersionFits(Alice, 1)), Is.False);
    }

    [Test]
    public async Task Keys_of_devices_are_counted_until_they_are_replaced_forgotten_or_deleted()
    {
        foreach (var device in new[] { "D", "E" }) await Write(new DeviceAdded(Alice, device, null));
        await Write(new DeviceKeysUploaded(Alice, "D", new byte[10]));
        await Write(new DeviceKeysUploaded(Alice, "D", new byte[30]));
        await Write(OneTime("D", "1", 40), OneTime("D", "2", 50), OneTime("D", "2", 50));
        await Write(new FallbackKeyUploaded(Alice, "D", "a", "f", new byte[5]));
        await Write(new FallbackKeyUploaded(Alice, "D", "a", "g", new byte[7]));
        await Write(OneTime("E", "1", 60));
        await Write(OneTime("unknown", "1", 70));
        Assert.That(await KeyBytesAsync(), Is.EqualTo(30 + 40 + 50 + 7 + 60 + (5 * 200)));

        // A claimed key stays for uploads that are repeated, until it is forgotten.
        await Write(new KeysClaimed(Alice, "D", "a"));
        Assert.That(await KeyBytesAsync(), Is.EqualTo(30 + 40 + 50 + 7 + 60 + (5 * 200)));
        await Write(new ClaimedKeysForgotten(Alice, "D", 0));
        Assert.That(await KeyBytesAsync(), Is.EqualTo(30 + 50 + 7 + 60 + (4 * 200)));
        await Write(new DeviceDeleted(Alice, "E"));
        Assert.That(await KeyBytesAsync(), Is.EqualTo(30 + 50 + 7 + (3 * 200)));
        await Write(new DeviceAdded(Alice, "F", null), OneTime("F", "1", 80));
        await Write(new OtherDevicesDeleted(Alice, "F"));
        Assert.That(await KeyBytesAsync(), Is.EqualTo(280));
        await Write(new OtherDevicesDeleted(Alice, null));
        Assert.That(await KeyBytesAsync(), Is.Zero);
    }

    [Test]
    public async Task Signatures_and_aliases_are_counted_by_who_made_them()
    {
        await Write(
            new KeySignatureUploaded(Bob, "key", Alice, "ed25519:a", "x"),
            new KeySignatureUploaded(Alice, "D", Alice, "ed25519:a", "x"),
            new KeySignatureUploaded(Alice, "D", Bob, "ed25519:b", "x"),
            new AliasCreated("#a:example.org", _room, Alice),
            new AliasCreated("#b:example.org", _room, Bob));

        Assert.That(await Applies(new KeySignaturesAtMost(Alice, 2)));
        Assert.That(await Applies(new KeySignaturesAtMost(Alice, 1)), Is.False);
        Assert.That(await Applies(new KeySignaturesAtMost(Bob, 0)), Is.False);
        Assert.That(await Applies(new KeySignaturesAtMost(Bob, -1)), Is.False);
        Assert.That(await Applies(new AliasesFewerThan(Alice, 2)));
        Assert.That(await Applies(new AliasesFewerThan(Alice, 1)), Is.False);
        await Write(new KeySignaturesOfSignerDeleted(Alice), new AliasDeleted("#a:example.org"));
        Assert.That(await Applies(new KeySignaturesAtMost(Alice, 0)));
        Assert.That(await Applies(new KeySignaturesAtMost(Bob, 0)), Is.False);
        Assert.That(await Applies(new AliasesFewerThan(Alice, 1)));
    }

    [Test]
    public async Task What_an_older_version_stored_is_counted()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "stored_bytes")];
        before[^1] = before[^1] with { Text = before[^1].Text + Rows };
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Store.DisposeAsync();

        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var bytes = await BytesAsync();
        var keys = await KeyBytesAsync();
        var holds = await HoldsAsync(1, 7);
        var count = await CountAsync(2);
        var next = new BackupVersionCreated(Alice, "x", "{}"u8.ToArray());
        await Write(next);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(bytes, Is.EqualTo(7 + 400));
        Assert.That(keys, Is.EqualTo(7 + 5 + 400));
        Assert.That(holds);
        Assert.That(count, Is.EqualTo(1));
        Assert.That(next.Version, Is.EqualTo(3));
    }

    private static BackupKeyPut Key(long version, string session, int bytes, long index = 0) => new(
        Alice, version, new BackupKeyRow("!r:x", session, index, 0, false, new byte[bytes]));

    private static OneTimeKeyUploaded OneTime(string device, string id, int bytes) =>
        new(Alice, device, "a", id, new byte[bytes]);

    private async Task Puts(RoomNid? room, string type, int bytes) =>
        await Write(new AccountDataPut(Alice, room, type, new byte[bytes]));

    private async Task<long> BytesAsync() => await Store.StoredBytes.FindAsync(Alice, StoredKind.AccountData, Stop);

    private async Task<long> KeyBytesAsync() => await Store.StoredBytes.FindAsync(Alice, StoredKind.DeviceKeys, Stop);

    private async Task<long> CountAsync(long version) =>
        (await Store.KeyBackup.FindVersionAsync(Alice, version, Stop))!.Count;

    /// <summary>Whether exactly so much is held.</summary>
    private async Task<bool> HoldsAsync(int keys, int bytes)
    {
        var total = bytes + (keys * BackupKeysFit.Overhead);
        return await Applies(new BackupKeysFit(Alice, 0, 0, keys, total))
            && !await Applies(new BackupKeysFit(Alice, 1, 0, keys, long.MaxValue))
            && !await Applies(new BackupKeysFit(Alice, 0, 1, keys, total));
    }
}
