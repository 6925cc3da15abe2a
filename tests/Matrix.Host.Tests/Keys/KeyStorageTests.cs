using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Keys;

/// <summary>The storage of keys, on both databases.</summary>
internal sealed class KeyStorageTests(string kind) : StorageTests(kind)
{
    private const string Alice = "@alice:example.org";
    private const string Bob = "@bob:example.org";
    private const string Device = "DEVICE";
    private const string Algorithm = "signed_curve25519";

    [SetUp]
    public Task MakeDevice() =>
        Write(new UserCreated(Alice, UserKind.User, null, false), new DeviceAdded(Alice, Device, "phone"));

    [Test]
    public async Task Many_claims_at_once_never_get_the_same_key()
    {
        await Write([.. Enumerable.Range(0, 50)
            .Select(i => new OneTimeKeyUploaded(Alice, Device, Algorithm, $"K{i}", Bytes($"{i}")))]);

        var claims = Enumerable.Range(0, 60).Select(_ => new KeysClaimed(Alice, Device, Algorithm)).ToArray();
        await Task.WhenAll(claims.Select(claim => Task.Run(() => Write(claim))));

        Assert.That(claims.Count(claim => claim.Applied), Is.EqualTo(50));
        Assert.That(claims.Where(claim => claim.Applied).Select(claim => claim.Claims[0].KeyId), Is.Unique);
    }

    [Test]
    public async Task Claims_in_one_set_get_different_keys_in_the_order_of_upload_and_the_fallback_key_last()
    {
        await Write(new OneTimeKeyUploaded(Alice, Device, Algorithm, "Z", Bytes("1")));
        await Write(
            new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("2")),
            new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")));

        var claims = Enumerable.Range(0, 4).Select(_ => new KeysClaimed(Alice, Device, Algorithm)).ToArray();
        await Write([.. claims]);

        Assert.That(
            claims.Select(claim => (claim.Claims[0].KeyId, claim.Claims[0].IsFallback)),
            Is.EqualTo(new[] { ("Z", false), ("A", false), ("F", true), ("F", true) }));
        Assert.That((await Store.Keys.CountsAsync(Alice, Device, Stop)).UnusedFallback, Is.Empty);
    }

    [Test]
    public async Task A_claim_of_many_devices_gives_each_its_oldest_key_or_its_fallback_key_or_none()
    {
        const string odd = "a\"\u0010\0\\é";
        await Write(
            new UserCreated(Bob, UserKind.User, null, false),
            new DeviceAdded(Bob, Device, null),
            new DeviceAdded(Bob, odd, null),
            new DeviceAdded(Bob, "EMPTY", null));
        await Write(
            new OneTimeKeyUploaded(Alice, Device, Algorithm, "Z", Bytes("1")),
            new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("2")),
            new OneTimeKeyUploaded(Alice, Device, "other", "0", Bytes("3")),
            new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")),
            new FallbackKeyUploaded(Bob, Device, Algorithm, "G", Bytes("g")),
            new OneTimeKeyUploaded(Bob, odd, odd, odd, Bytes("4")));

        var claims = new KeysClaimed([
            new ClaimOfKey(Alice, Device, Algorithm),
            new ClaimOfKey(Alice, Device, "other"),
            new ClaimOfKey(Bob, Device, Algorithm),
            new ClaimOfKey(Bob, odd, odd),
            new ClaimOfKey(Bob, "EMPTY", Algorithm),
            new ClaimOfKey(Bob, "UNKNOWN", Algorithm),
        ]);
        Assert.That(await Applies(claims));

        Assert.That(
            claims.Claims.Select(claim => (claim.KeyId, Encoding.UTF8.GetString(claim.Json.Span), claim.IsFallback)),
            Is.EqualTo(new (string?, string, bool)[]
            {
                ("Z", "1", false), ("0", "3", false), ("G", "g", true), (odd, "4", false), (null, "", false),
                (null, "", false),
            }));
        var alice = await Store.Keys.CountsAsync(Alice, Device, Stop);
        Assert.That(alice.OneTime, Is.EqualTo(new Dictionary<string, int> { [Algorithm] = 1 }));
        Assert.That(alice.UnusedFallback, Is.EqualTo(new[] { Algorithm }), "a key that was not needed stays unused");
        Assert.That((await Store.Keys.CountsAsync(Bob, Device, Stop)).UnusedFallback, Is.Empty);
        Assert.That(await Applies(new KeysClaimed(Bob, "EMPTY", Algorithm)), Is.False);

        var again = new OneTimeKeyUploaded(Bob, odd, odd, odd, Bytes("4"));
        Assert.That(await Applies(again));
        Assert.That((await Store.Keys.CountsAsync(Bob, odd, Stop)).OneTime, Is.Empty, "it was given away");
    }

    [Test]
    public async Task A_key_that_was_given_away_is_not_taken_again_but_its_name_may_be()
    {
        await Write(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("1")));
        await Write(new KeysClaimed(Alice, Device, Algorithm));

        var same = await Applies(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("1")));
        var none = await Applies(new KeysClaimed(Alice, Device, Algorithm));
        var other = await Applies(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("2")));

        Assert.That((same, none, other), Is.EqualTo((true, false, true)));
        Assert.That(await Applies(new KeysClaimed(Alice, Device, Algorithm)));
    }

    [Test]
    public async Task Only_the_last_of_the_keys_that_were_given_away_are_remembered()
    {
        for (var i = 0; i < 5; i++)
        {
            await Write(new OneTimeKeyUploaded(Alice, Device, Algorithm, $"K{i}", Bytes("1")));
            await Write(new KeysClaimed(Alice, Device, Algorithm));
        }

        await Write(new ClaimedKeysForgotten(Alice, Device, 2));
        await Write([.. Enumerable.Range(0, 5)
            .Select(i => new OneTimeKeyUploaded(Alice, Device, Algorithm, $"K{i}", Bytes("1")))]);

        Assert.That((await Store.Keys.CountsAsync(Alice, Device, Stop)).OneTime[Algorithm], Is.EqualTo(3));
    }

    [Test]
    public async Task Another_key_of_the_same_name_refuses_the_whole_set()
    {
        await Write(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("1")));
        var batch = Batches.New()
            .Require(new OneTimeKeyUploaded(Alice, Device, Algorithm, "B", Bytes("2")))
            .Require(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("3")))
            .Add(new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")));

        var receipt = await Store.Writer.WriteAsync(batch, Stop);

        Assert.That(receipt.Refused);
        Assert.That(batch.Preconditions.Select(key => key.Applied), Is.EqualTo(new[] { true, false }));
        var counts = await Store.Keys.CountsAsync(Alice, Device, Stop);
        Assert.That(counts.OneTime[Algorithm], Is.EqualTo(1));
        Assert.That(counts.UnusedFallback, Is.Empty);
    }

    [Test]
    public async Task A_used_fallback_key_that_is_put_again_stays_used()
    {
        await Write(new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")));
        await Write(new KeysClaimed(Alice, Device, Algorithm));
        await Write(new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")));
        var again = (await Store.Keys.CountsAsync(Alice, Device, Stop)).UnusedFallback.Count;
        await Write(new FallbackKeyUploaded(Alice, Device, Algorithm, "G", Bytes("g")));

        Assert.That(again, Is.Zero);
        Assert.That(
            (await Store.Keys.CountsAsync(Alice, Device, Stop)).UnusedFallback,
            Is.EqualTo(new[] { Algorithm }));
    }

    [Test]
    public async Task Keys_of_a_device_that_has_gone_are_dropped_and_do_not_come_back_with_it()
    {
        await Write(
            new DeviceKeysUploaded(Alice, Device, Bytes("{}")),
            new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("1")));
        await Write(new KeysClaimed(Alice, Device, Algorithm), new ToDeviceSent(Alice, Device, Bytes("{}")));
        await Write(new DeviceDeleted(Alice, Device), new DeviceListChanged(Alice));

        var late = new OneTimeKeyUploaded(Alice, Device, Algorithm, "B", Bytes("1"));
        await Write(
            late,
            new DeviceKeysUploaded(Alice, Device, Bytes("{}")),
            new FallbackKeyUploaded(Alice, Device, Algorithm, "F", Bytes("f")));
        await Write(new DeviceAdded(Alice, Device, null));

        Assert.That(late.Applied);
        Assert.That(await Store.Keys.DeviceKeysAsync([Alice], Stop), Is.Empty);
        Assert.That(await Store.ToDevice.OfDeviceAsync(Alice, Device, 0, long.MaxValue, 10, Stop), Is.Empty);
        var counts = await Store.Keys.CountsAsync(Alice, Device, Stop);
        Assert.That(counts.OneTime, Is.Empty);
        Assert.That(counts.UnusedFallback, Is.Empty);
        Assert.That(await Applies(new OneTimeKeyUploaded(Alice, Device, Algorithm, "A", Bytes("1"))));
        Assert.That(
            await Applies(new KeysClaimed(Alice, Device, Algorithm)),
            "what was given away before belongs to the device before");
    }

    [Test]
    public async Task Signatures_go_with_the_key_that_they_are_on()
    {
        await Write(
            new DeviceKeysUploaded(Alice, Device, Bytes("""{"a":1}""")),
            new KeySignatureUploaded(Alice, Device, Alice, "ed25519:self", "s1"),
            new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "master", Bytes("{}")),
            new KeySignatureUploaded(Alice, "master", Bob, "ed25519:user", "s2"));
        await Write(new DeviceKeysUploaded(Alice, Device, Bytes("""{"a":1}""")));
        var kept = await Store.Keys.SignaturesAsync([Alice], Bob, Stop);
        var seenByOthers = await Store.Keys.SignaturesAsync([Alice], "@carol:example.org", Stop);

        await Write(
            new DeviceKeysUploaded(Alice, Device, Bytes("""{"a":2}""")),
            new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "new", Bytes("{}")));

        Assert.That(kept.Select(row => row.Signature), Is.EquivalentTo(new[] { "s1", "s2" }));
        Assert.That(seenByOthers.Select(row => row.Signature), Is.EqualTo(new[] { "s1" }));
        Assert.That(await Store.Keys.SignaturesAsync([Alice], Bob, Stop), Is.Empty);
    }

    [Test]
    public async Task A_decision_on_signing_keys_holds_only_while_they_are_the_same()
    {
        var none = await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, null));
        await Write(new CrossSigningKeyUploaded(Alice, CrossSigningUsage.Master, "master", Bytes("{}")));

        Assert.That(none);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, null)), Is.False);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, "other")), Is.False);
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.Master, "master")));
        Assert.That(await Applies(new CrossSigningKeyIs(Alice, CrossSigningUsage.SelfSigning, "master")), Is.False);
    }

    [Test]
    public async Task A_change_for_one_user_is_nobody_elses_news()
    {
        var start = Store.Writer.PublishedPosition;
        await Write(new DeviceListChanged(Bob, OnlyFor: Alice));
        var end = await Write(new DeviceListChanged(Alice));

        Assert.That(
            await Store.Keys.ChangedForAsync(Alice, start, end, Stop),
            Is.EquivalentTo(new[] { new ChangedListRow(Alice, true), new ChangedListRow(Bob, true) }));
        Assert.That(await Store.Keys.ChangedForAsync(Bob, start, end, Stop), Is.Empty);
        Assert.That(await Store.Keys.ChangedAsync(start, end, 10, Stop), Is.EqualTo(new[] { Alice }));
        Assert.That(await Store.Keys.ChangedForAsync(Alice, end, end, Stop), Is.Empty);
    }

    [Test]
    public async Task A_backup_tells_how_it_stands_after_what_was_written_with_the_question()
    {
        var created = new BackupVersionCreated(Alice, "algorithm", Bytes("{}"));
        await Write(created);
        var after = new BackupVersionRead(Alice, created.Version);
        var latest = new BackupVersionIsLatest(Alice, created.Version);
        var batch = Batches.New()
            .Require(latest)
            .Add(new BackupKeyPut(Alice, created.Version, new BackupKeyRow("!r:x", "s1", 1, 0, true, Bytes("{}"))))
            .Add(new BackupKeyPut(Alice, created.Version, new BackupKeyRow("!r:x", "s2", 1, 0, true, Bytes("{}"))))
            .Add(after);

        var receipt = await Store.Writer.WriteAsync(batch, Stop);
        await Write(new BackupVersionCreated(Alice, "algorithm", Bytes("{}")));

        Assert.That((receipt.Refused, latest.Applied, after.Applied, after.Count), Is.EqualTo((false, true, true, 2L)));
        Assert.That(
            after.Etag,
            Is.EqualTo((await Store.KeyBackup.FindVersionAsync(Alice, created.Version, Stop))!.Etag));
        Assert.That(await Applies(new BackupVersionIsLatest(Alice, created.Version)), Is.False);
        Assert.That(await Applies(new BackupVersionDeleted(Alice, created.Version)));
        Assert.That(await Applies(new BackupVersionDeleted(Alice, created.Version)));
        Assert.That(await Applies(new BackupVersionDeleted(Alice, 77)), Is.False);
        Assert.That(await Applies(new BackupVersionRead(Alice, created.Version)), Is.False);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
