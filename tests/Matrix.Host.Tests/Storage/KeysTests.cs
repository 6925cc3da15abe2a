using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Keys of devices and users, changes of keys, backups of room keys.</summary>
internal sealed class KeysTests(string kind) : StorageTests(kind)
{
    private const string Phone = "PHONE";

    [SetUp]
    public async Task Devices() =>
        await Write(new DeviceAdded(Alice, Phone, "Phone"), new DeviceAdded(Bob, Phone, null));

    [Test]
    public async Task Device_keys_come_with_the_devices_name()
    {
        await Write(
            new DeviceKeysUploaded(Alice, Phone, Json("{\"v\":1}")),
            new DeviceKeysUploaded(Bob, Phone, Json("{\"v\":2}")));
        await Write(
            new DeviceKeysUploaded(Alice, Phone, Json("{\"v\":3}")),
            new DeviceKeysUploaded(Alice, "GONE", Json("{}")));

        var all = await Store.Keys.DeviceKeysAsync([Alice, Bob, Carol], Stop);
        var one = (await Store.Keys.FindDeviceKeysAsync(Alice, Phone, Stop))!;

        Assert.That(
            all.Select(row => (row.UserId, row.DeviceId, Text(row.Json), row.DisplayName)),
            Is.EquivalentTo(new[] { (Alice, Phone, "{\"v\":3}", (string?)"Phone"), (Bob, Phone, "{\"v\":2}", null) }));
        Assert.That(Text(one.Json), Is.EqualTo("{\"v\":3}"));
        Assert.That(await Store.Keys.FindDeviceKeysAsync(Alice, "GONE", Stop), Is.Null);
    }

    [Test]
    public async Task Of_an_erased_user_no_signing_keys_signatures_or_backups_are_kept_and_of_others_all()
    {
        foreach (var user in new[] { Alice, Bob })
        {
            await Write(
                new CrossSigningKeyUploaded(user, CrossSigningUsage.Master, "M", Json("{}")),
                new KeySignatureUploaded(user, "M", user, "ed25519:X", "sig"),
                new BackupVersionCreated(user, "algorithm", Json("{}")));
            await Write(new BackupKeyPut(user, 1, new BackupKeyRow("!r:x", "s", 0, 0, true, Json("{}"))));
        }

        await Write(new CrossSigningKeysDeleted(Alice), new BackupsDeleted(Alice));

        Assert.That(
            (await Store.Keys.CrossSigningKeysAsync([Alice, Bob], Stop)).Select(row => row.UserId),
            Is.EqualTo(new[] { Bob }));
        Assert.That(
            (await Store.Keys.SignaturesAsync([Alice, Bob], Carol, Stop)).Select(row => row.TargetUser),
            Is.EqualTo(new[] { Bob }));
        Assert.That(await Store.KeyBackup.FindVersionAsync(Alice, null, Stop), Is.Null);
        Assert.That(await Store.KeyBackup.KeysAsync(Alice, 1, null, null, ("", ""), 100, Stop), Is.Empty);
        Assert.That(await Store.KeyBackup.KeysAsync(Bob, 1, null, null, ("", ""), 100, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Signatures_on_device_keys_go_only_when_the_keys_change()
    {
        await Write(new DeviceKeysUploaded(Alice, Phone, Json("{\"v\":1}")));
        await Write(new KeySignatureUploaded(Alice, Phone, Alice, "ed25519:self", "sig"));

        await Write(new DeviceKeysUploaded(Alice, Phone, Json("{\"v\":1}")));
        Assert.That(await Store.Keys.SignaturesAsync([Alice], Alice, Stop), Has.Count.EqualTo(1));
        await Write(new DeviceKeysUploaded(Alice, Phone, Json("{\"v\":2}")));
        Assert.That(await Store.Keys.SignaturesAsync([Alice], Alice, Stop), Is.Empty);
    }

    [Test]
    public async Task One_time_keys_are_given_away_once_oldest_first_and_then_the_fallback_key()
    {
        await Write(OneTime("b", "1"), OneTime("a", "2"));
        await Write(OneTime("0", "3"), new FallbackKeyUploaded(Alice, Phone, "curve", "f", Json("fallback")));
        Assert.That(await Counts(), Is.EqualTo("curve:3 fallback curve"));

        var claimed = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            var claim = new KeysClaimed(Alice, Phone, "curve");
            Assert.That(await Applies(claim), Is.True);
            var key = claim.Claims[0];
            claimed.Add($"{key.KeyId}={Text(key.Json)}{(key.IsFallback ? "!" : "")}");
        }

        Assert.That(claimed, Is.EqualTo(new[] { "b=1", "a=2", "0=3", "f=fallback!", "f=fallback!" }));
        Assert.That(await Counts(), Is.EqualTo(" fallback "));
        Assert.That(await Applies(new KeysClaimed(Alice, Phone, "other")), Is.False);

        await Write(new FallbackKeyUploaded(Alice, Phone, "curve", "f", Json("fallback")));
        Assert.That(await Counts(), Is.EqualTo(" fallback "), "the same key stays used");
        await Write(new FallbackKeyUploaded(Alice, Phone, "curve", "g", Json("fallback")));
        Assert.That(await Counts(), Is.EqualTo(" fallback curve"));
    }

    [Test]
    public async Task A_fallback_key_that_was_used_before_an_import_stays_used_until_another_one_comes()
    {
        await Write(new FallbackKeyUploaded(Alice, Phone, "curve", "f", Json("fallback")) { IsUsed = true });
        Assert.That(await Counts(), Is.EqualTo(" fallback "));

        await Write(new FallbackKeyUploaded(Alice, Phone, "curve", "f", Json("fallback")));
        Assert.That(await Counts(), Is.EqualTo(" fallback "), "the same key");
        await Write(new FallbackKeyUploaded(Alice, Phone, "curve", "g", Json("another")));
        Assert.That(await Counts(), Is.EqualTo(" fallback curve"));
    }

    [Test]
    public async Task Many_claims_at_once_never_get_the_same_key()
    {
        await Write([.. Enumerable.Range(0, 30).Select(n => OneTime($"k{n}", $"{n}"))]);
        var claims = Enumerable.Range(0, 40).Select(_ => new KeysClaimed(Alice, Phone, "curve")).ToArray();

        await Task.WhenAll(claims.Select(claim => Store.Writer.WriteAsync(Batches.New().Add(claim), Stop).AsTask()));

        Assert.That(
            claims.Where(claim => claim.Applied).Select(claim => claim.Claims[0].KeyId).ToArray(),
            Is.Unique.And.Length.EqualTo(30));
    }

    [Test]
    public async Task A_one_time_key_is_not_replaced_by_another_of_its_id()
    {
        Assert.That(await Applies(OneTime("a", "1")), Is.True);
        Assert.That(await Applies(OneTime("a", "1")), Is.True);
        Assert.That(await Applies(OneTime("a", "2")), Is.False);
        Assert.That(
            await Applies(new OneTimeKeyUploaded(Alice, "GONE", "curve", "a", Json("1"))),
            Is.True,
            "dropped silently");
        Assert.That(await Counts(), Is.EqualTo("curve:1 fallback "));
        Assert.That((await Store.Keys.CountsAsync(Alice, "GONE", Stop)).OneTime, Is.Empty);
    }

    [Test]
    public async Task Cross_signing_keys_are_replaced_by_usage_and_take_their_signatures_along()
    {
        await Write(
            new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "M1", Json("{\"v\":1}")),
            new CrossSigningKeyUploaded(Alice, CrossSigningUsage.UserSigning, "U1", Json("{}")),
            new KeySignatureUploaded(Alice, "M1", Alice, "ed25519:PHONE", "sig"),
            new KeySignatureUploaded(Alice, "U1", Alice, "ed25519:M1", "sig"));

        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, "M1")), Is.True);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, "M2")), Is.False);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, null)), Is.False);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.SelfSigning, null)), Is.True);

        await Write(new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "M2", Json("{\"v\":2}")));

        var keys = await Store.Keys.CrossSigningKeysAsync([Alice, Bob], Stop);
        Assert.That(
            keys.Select(row => (row.Usage, row.PublicKey)),
            Is.EquivalentTo(new[] { (CrossSigningUsage.Master, "M2"), (CrossSigningUsage.UserSigning, "U1") }));
        Assert.That(
            (await Store.Keys.SignaturesAsync([Alice], Alice, Stop)).Select(row => row.TargetKey),
            Is.EqualTo(new[] { "U1" }));
    }

    [Test]
    public async Task Signatures_are_shown_to_their_signer_and_the_owners_signatures_to_everyone()
    {
        await Write(
            new KeySignatureUploaded(Alice, "M1", Alice, "ed25519:PHONE", "own"),
            new KeySignatureUploaded(Alice, "M1", Bob, "ed25519:U", "bobs"),
            new KeySignatureUploaded(Alice, "M1", Carol, "ed25519:U", "carols"),
            new KeySignatureUploaded(Alice, "M1", Bob, "ed25519:U", "bobs newer"));

        async Task<string[]> For(string signer) =>
            [.. (await Store.Keys.SignaturesAsync([Alice], signer, Stop))
                .Select(row => row.Signature).Order(StringComparer.Ordinal)];

        Assert.That(await For(Bob), Is.EqualTo(new[] { "bobs newer", "own" }));
        Assert.That(await For(Alice), Is.EqualTo(new[] { "own" }));
    }

    [Test]
    public async Task Device_list_changes_reach_users_who_share_a_room_and_the_user()
    {
        await Write(
            Room(Kitchen),
            Sets(Kitchen, Alice, Membership.Join, Live(Kitchen, 1)),
            Sets(Kitchen, Bob, Membership.Join, Live(Kitchen, 2)));
        var start = await Write(new DeviceListChanged(Bob));
        var middle = await Write(new DeviceListChanged(Alice), new DeviceListChanged(Carol));
        var end = await Write(new DeviceListChanged(Bob), new DeviceListChanged(Carol, OnlyFor: Alice));

        Assert.That(await Store.Keys.ChangedAsync(start, middle, 9, Stop), Is.EquivalentTo(new[] { Alice, Carol }));
        Assert.That(await Store.Keys.ChangedAsync(0, end, 2, Stop), Has.Count.EqualTo(2));
        Assert.That(await For(Alice), Is.EquivalentTo(new[] { (Alice, true), (Bob, true), (Carol, true) }));
        Assert.That(await For(Bob), Is.EquivalentTo(new[] { (Alice, true), (Bob, true) }));
        Assert.That(await For(Carol), Is.EqualTo(new[] { (Carol, true) }));
        Assert.That(await Store.Keys.ChangedForAsync(Alice, end, end, Stop), Is.Empty);

        // Bob may have been in the room at the end, and Carol too.
        await Write(
            Sets(Kitchen, Bob, Membership.Leave, Live(Kitchen, 3)),
            Sets(Kitchen, Carol, Membership.Join, Live(Kitchen, 4)));
        Assert.That(await For(Alice), Is.EquivalentTo(new[] { (Alice, true), (Bob, false), (Carol, true) }));
        Assert.That(
            await For(Carol), Is.EquivalentTo(new[] { (Alice, false), (Bob, false), (Carol, true) }));

        async Task<(string, bool)[]> For(string user) =>
            [.. (await Store.Keys.ChangedForAsync(user, start, end, Stop)).Select(row => (row.UserId, row.IsSure))];
    }

    [Test]
    public async Task The_position_of_a_device_list_is_that_of_the_last_change_that_others_see()
    {
        var first = await Write(new DeviceListChanged(Bob));
        Assert.That(await Store.Keys.DeviceListPositionAsync(Bob, Stop), Is.EqualTo(first));

        var second = await Write(new DeviceListChanged(Bob));
        await Write(new DeviceListChanged(Bob, OnlyFor: Alice), new DeviceListChanged(Alice));

        Assert.That(await Store.Keys.DeviceListPositionAsync(Bob, Stop), Is.EqualTo(second));
        Assert.That(await Store.Keys.DeviceListPositionAsync(Carol, Stop), Is.Zero);
    }

    [Test]
    public async Task Imported_backups_keep_their_numbers_etags_and_keys()
    {
        var key = new BackupKeyRow("!r:x", "s", 0, 0, true, Json("{}"));
        await Write(
            Imported(2, isDeleted: true),
            Imported(5, isDeleted: false),
            new DatedChange(new BackupKeyPut(Alice, 5, key), 17),
            Imported(7, isDeleted: false),
            new DatedChange(new BackupKeyPut(Alice, 7, key), 17),
            Imported(9, isDeleted: true));

        foreach (var version in (long[])[5, 7])
        {
            Assert.That(
                await Store.KeyBackup.FindVersionAsync(Alice, version, Stop) is { Etag: 17, Count: 1 },
                $"version {version}");
            Assert.That(
                await Store.KeyBackup.KeysAsync(Alice, version, null, null, ("", ""), 9, Stop), Has.Count.EqualTo(1));
        }

        Assert.That((await Store.KeyBackup.FindVersionAsync(Alice, null, Stop))!.Version, Is.EqualTo(7));
        var next = new BackupVersionCreated(Alice, "m.a", Json("{}"));
        await Write(next);
        Assert.That(next.Version, Is.EqualTo(10), "the number of the last deleted one is not used again");

        static BackupVersionImported Imported(long version, bool isDeleted) =>
            new(Alice, new BackupVersionRow(version, "m.a", Json("{}"), Etag: 17, Count: 0), isDeleted);
    }

    [Test]
    public async Task Backup_versions_are_numbered_and_a_number_is_never_used_again()
    {
        var first = new BackupVersionCreated(Alice, "m.a", Json("{\"v\":1}"));
        var second = new BackupVersionCreated(Alice, "m.a", Json("{\"v\":2}"));
        await Write(first);
        await Write(second);
        Assert.That((first.Version, second.Version), Is.EqualTo((1L, 2L)));
        Assert.That((await Store.KeyBackup.FindVersionAsync(Alice, null, Stop))!.Version, Is.EqualTo(2));

        Assert.That(await Applies(new BackupVersionUpdated(Alice, 2, "m.a", Json("{\"v\":3}"))), Is.True);
        Assert.That(await Applies(new BackupVersionUpdated(Alice, 2, "m.b", Json("{}"))), Is.False);
        Assert.That(Text((await Store.KeyBackup.FindVersionAsync(Alice, 2, Stop))!.AuthData), Is.EqualTo("{\"v\":3}"));

        Assert.That(await Applies(new BackupVersionDeleted(Alice, 2)), Is.True);
        Assert.That(await Applies(new BackupVersionDeleted(Alice, 2)), Is.True, "gone already");
        Assert.That(await Applies(new BackupVersionDeleted(Alice, 9)), Is.False, "never was");
        Assert.That((await Store.KeyBackup.FindVersionAsync(Alice, null, Stop))!.Version, Is.EqualTo(1));
        Assert.That(await Store.KeyBackup.FindVersionAsync(Alice, 2, Stop), Is.Null);
        var third = new BackupVersionCreated(Alice, "m.a", Json("{}"));
        await Write(third);
        Assert.That(third.Version, Is.EqualTo(3));
        Assert.That(await Store.KeyBackup.FindVersionAsync(Bob, null, Stop), Is.Null);
    }

    [Test]
    public async Task A_better_key_replaces_a_worse_one_in_the_latest_backup_only()
    {
        await Write(new BackupVersionCreated(Alice, "m.a", Json("{}")));
        var key = new BackupKeyRow("!r:x", "s1", 10, 2, false, Json("first"));

        async Task<bool> Put(BackupKeyRow put, long version = 1) =>
            await Applies(new BackupKeyPut(Alice, version, put));

        Assert.That(await Put(key), Is.True);
        var etag = (await Store.KeyBackup.FindVersionAsync(Alice, 1, Stop))!.Etag;
        Assert.That(await Put(key), Is.False, "the same");
        Assert.That(await Put(key with { FirstMessageIndex = 11 }), Is.False, "a later index");
        Assert.That(await Put(key with { ForwardedCount = 3 }), Is.False, "forwarded more often");
        Assert.That((await Store.KeyBackup.FindVersionAsync(Alice, 1, Stop))!.Etag, Is.EqualTo(etag));
        Assert.That(await Put(key with { ForwardedCount = 1 }), Is.True);
        Assert.That(await Put(key with { FirstMessageIndex = 9, ForwardedCount = 9 }), Is.True);
        Assert.That(
            await Put(key with { FirstMessageIndex = 99, IsVerified = true, SessionData = Json("best") }),
            Is.True);
        Assert.That(await Put(key with { FirstMessageIndex = 1 }), Is.False, "unverified");

        var kept = (await Store.KeyBackup.KeysAsync(Alice, 1, null, null, ("", ""), 100, Stop)).Single();
        var version = (await Store.KeyBackup.FindVersionAsync(Alice, 1, Stop))!;
        Assert.That((kept.FirstMessageIndex, kept.IsVerified, Text(kept.SessionData)), Is.EqualTo((99L, true, "best")));
        Assert.That(version.Etag, Is.GreaterThan(etag));
        Assert.That(version.Count, Is.EqualTo(1));

        await Write(new BackupVersionCreated(Alice, "m.a", Json("{}")));
        Assert.That(await Put(key with { SessionId = "s2" }), Is.False, "an older version");
        var latest = new BackupVersionIsLatest(Alice, 1);
        Assert.That((await Applies(latest), latest.Latest), Is.EqualTo((false, (long?)2)));
        Assert.That(await Applies(new BackupVersionIsLatest(Alice, 2)), Is.True);
        Assert.That(await Applies(new BackupVersionIsLatest(Bob, 1)), Is.False);
    }

    [Test]
    public async Task Backed_up_keys_are_read_and_deleted_by_room_and_session()
    {
        await Write(new BackupVersionCreated(Alice, "m.a", Json("{}")));
        var read = new BackupVersionRead(Alice, 1);
        await Write(
            new BackupKeyPut(Alice, 1, new BackupKeyRow("!a:x", "s1", 0, 0, true, Json("1"))),
            new BackupKeyPut(Alice, 1, new BackupKeyRow("!a:x", "s2", 0, 0, true, Json("2"))),
            new BackupKeyPut(Alice, 1, new BackupKeyRow("!b:x", "s1", 0, 0, true, Json("3"))),
            read);
        Assert.That((read.Applied, read.Count), Is.EqualTo((true, 3L)));

        async Task<string> Keys(string? room, string? session) =>
            string.Concat(
                (await Store.KeyBackup.KeysAsync(Alice, 1, room, session, ("", ""), 100, Stop))
                    .Select(row => Text(row.SessionData)));

        Assert.That(await Keys(null, null), Is.EqualTo("123"));
        Assert.That(await Keys("!a:x", null), Is.EqualTo("12"));
        Assert.That(await Keys("!a:x", "s2"), Is.EqualTo("2"));

        Assert.That(await Applies(new BackupKeysDeleted(Alice, 1, "!a:x", "s2")), Is.True);
        Assert.That(await Applies(new BackupKeysDeleted(Alice, 1, "!a:x", "s2")), Is.False);
        Assert.That(await Keys(null, null), Is.EqualTo("13"));
        Assert.That(await Applies(new BackupKeysDeleted(Alice, 1, null, null)), Is.True);
        Assert.That((await Store.KeyBackup.FindVersionAsync(Alice, 1, Stop))!.Etag, Is.GreaterThan(read.Etag));
        Assert.That(await Applies(new BackupVersionRead(Alice, 9)), Is.False);
    }

    private static OneTimeKeyUploaded OneTime(string id, string json) => new(Alice, Phone, "curve", id, Json(json));

    private async Task<string> Counts()
    {
        var counts = await Store.Keys.CountsAsync(Alice, Phone, Stop);
        var oneTime = counts.OneTime.Select(count => $"{count.Key}:{count.Value}");
        return $"{string.Join(',', oneTime)} fallback {string.Join(',', counts.UnusedFallback)}";
    }
}
