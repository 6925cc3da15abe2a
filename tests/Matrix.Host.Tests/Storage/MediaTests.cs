using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Tests.Storage;

/// <summary>The table of media.</summary>
internal sealed class MediaTests(string kind) : StorageTests(kind)
{
    private const string Here = "one.test";
    private const string There = "two.test";

    private static string Hash(char digit) => new(digit, 64);

    private static MediaRow Row(
        string id, string? hash = null, long size = 10, string origin = Here, string? uploader = "@a:one.test",
        long at = 1000, long? expires = null) =>
        new(origin, id, hash, size, "image/png", "a b\u0000c.png", uploader, at, at, expires, false);

    [Test]
    public async Task Media_is_found_as_it_was_created()
    {
        var row = Row("one", Hash('a'));
        await Write(new MediaCreated(row));

        Assert.That(await Store.Media.FindAsync(Here, "one", Stop), Is.EqualTo(row));
        Assert.That(await Store.Media.FindAsync(There, "one", Stop), Is.Null);
        Assert.That(await Store.Media.UseOfAsync("@a:one.test", Stop), Is.EqualTo(new MediaUse(1, 10)));
        Assert.That(await Store.Media.UseOfAsync("@b:one.test", Stop), Is.EqualTo(new MediaUse(0, 0)));
    }

    [Test]
    public async Task A_URI_gets_its_content_once_from_its_creator_and_in_time()
    {
        await Write(new MediaCreated(Row("one", size: 0, expires: 2000)));
        Assert.That(await Store.Media.PendingOfAsync("@a:one.test", 1999, Stop), Is.EqualTo(1));
        Assert.That(await Store.Media.PendingOfAsync("@a:one.test", 2000, Stop), Is.EqualTo(0));
        MediaUploaded[] refused =
        [
            new(Row("one", Hash('a'), at: 2000)),
            new(Row("one", Hash('a'), uploader: "@b:one.test", at: 1999)),
            new(Row("other", Hash('a'), at: 1999)),
        ];
        await Write([.. refused]);
        Assert.That(refused.Select(change => change.Applied), Has.None.True);
        var uploaded = new MediaUploaded(Row("one", Hash('a'), at: 1999));

        await Write(uploaded);

        Assert.That(uploaded.Applied);
        Assert.That(await Store.Media.FindAsync(Here, "one", Stop), Is.EqualTo(Row("one", Hash('a'), at: 1999)));
        var second = new MediaUploaded(Row("one", Hash('b'), at: 1999));
        await Write(second);
        Assert.That(second.Applied, Is.False);
    }

    [Test]
    public async Task A_URI_is_created_once()
    {
        var (first, second) = (new MediaCreated(Row("one", Hash('a'))), new MediaCreated(Row("one", Hash('b'))));
        await Write(first);
        await Write(second);

        Assert.That((first.Applied, second.Applied), Is.EqualTo((true, false)));
        Assert.That((await Store.Media.FindAsync(Here, "one", Stop))!.FileHash, Is.EqualTo(Hash('a')));
    }

    [Test]
    public async Task A_file_is_used_as_long_as_a_URI_has_it()
    {
        await Write(new MediaCreated(Row("one", Hash('a'))), new MediaCreated(Row("two", Hash('a'), origin: There)));
        string[] hashes = [Hash('a'), Hash('b')];
        Assert.That(await Store.Media.UsedAsync(hashes, Stop), Is.EqualTo(new[] { Hash('a') }));
        var one = Row("one", Hash('a'));
        var (late, deleted) = (new MediaDeleted(one, 1000), new MediaDeleted(one, 1001));
        await Write(late);
        Assert.That(late.Applied, Is.False, "It was accessed at that time.");
        await Write(deleted);
        Assert.That(await Store.Media.FilesAsync(hashes, Stop), Is.EqualTo(new[] { Hash('a') }));
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.Empty);

        await Write(new MediaDeleted(Row("two", Hash('a'), origin: There)));

        Assert.That(deleted.Applied);
        Assert.That(await Store.Media.FilesAsync(hashes, Stop), Is.Empty);
        Assert.That(await Store.Media.UsedAsync(hashes, Stop), Is.Empty);
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.EqualTo(new[] { Hash('a') }));
        await Write(new DroppedFileSettled(Hash('a')));
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.Empty);
    }

    [Test]
    public async Task Media_that_was_fetched_again_is_not_deleted_with_the_former_copy()
    {
        var former = Row("one", Hash('a'), origin: There);
        await Write(new MediaCreated(Row("one", Hash('a'), origin: There, at: 2000)));
        var stale = new MediaDeleted(former);

        await Write(stale);

        Assert.That(stale.Applied, Is.False);
        Assert.That(await Store.Media.FindAsync(There, "one", Stop), Is.Not.Null);
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.Empty);
    }

    [Test]
    public async Task A_content_has_the_files_that_its_URIs_name()
    {
        var (one, two) = (Hash('a') + "-1", Hash('a') + "-2");
        await Write(
            new MediaCreated(Row("one", Hash('a')) with { StoredAs = one }),
            new MediaCreated(Row("two", Hash('a')) with { StoredAs = two }),
            new MediaCreated(Row("three", Hash('a'))));

        Assert.That(
            await Store.Media.FilesAsync([Hash('a')], Stop), Is.EquivalentTo(new[] { one, two, Hash('a') }));
        Assert.That((await Store.Media.FindAsync(Here, "two", Stop))!.File, Is.EqualTo(two));
        Assert.That((await Store.Media.FindAsync(Here, "three", Stop))!.File, Is.EqualTo(Hash('a')));
        await Write(new MediaDeleted(Row("one", Hash('a')) with { StoredAs = one }));
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.EqualTo(new[] { one }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task No_URI_gets_a_file_that_none_has_any_more(bool isFilled)
    {
        var file = Hash('a') + "-1";
        var first = Row("one", Hash('a')) with { StoredAs = file };
        await Write(new MediaCreated(first), new MediaCreated(Row("two", size: 0, expires: 2000)));
        ConditionalChange Sharing() => isFilled
            ? new MediaUploaded(Row("two", Hash('a')) with { StoredAs = file }) { SharesFile = true }
            : new MediaCreated(Row("new", Hash('a')) with { StoredAs = file }) { SharesFile = true };
        var late = Sharing();

        await Write(new MediaDeleted(first), late);

        Assert.That(late.Applied, Is.False);
        await Write(new MediaCreated(first));
        var inTime = Sharing();
        await Write(inTime, new MediaDeleted(first));
        Assert.That(inTime.Applied);
        Assert.That(await Store.Media.FilesAsync([Hash('a')], Stop), Is.EqualTo(new[] { file }));
    }

    [Test]
    public async Task A_damaged_file_is_replaced_for_all_its_URIs()
    {
        var (damaged, whole) = (Hash('a'), Hash('a') + "-2");
        await Write(new MediaCreated(Row("one", Hash('a'))), new MediaCreated(Row("two", Hash('a'))));
        var stale = new MediaDeleted((await Store.Media.FindAsync(Here, "one", Stop))!);

        await Write(new MediaFileReplaced(Hash('a'), damaged, whole), stale);

        Assert.That(stale.Applied, Is.False);
        Assert.That(await Store.Media.FilesAsync([Hash('a')], Stop), Is.EqualTo(new[] { whole }));
        Assert.That(await Store.Media.DroppedAsync(10, Stop), Is.EqualTo(new[] { damaged }));
    }

    [Test]
    public async Task The_folder_of_nodes_is_named_once()
    {
        Assert.That(await Store.Media.FolderAsync(Stop), Is.Null);
        var (first, second) = (new MediaFolderNamed("one"), new MediaFolderNamed("two"));
        await Write(first, second);

        Assert.That((first.Applied, second.Applied), Is.EqualTo((true, false)));
        Assert.That(await Store.Media.FolderAsync(Stop), Is.EqualTo(new SharedMediaFolder("one", false)));
        await Write(new MediaFolderMarked());
        Assert.That(await Store.Media.FolderAsync(Stop), Is.EqualTo(new SharedMediaFolder("one", true)));
    }

    [Test]
    public async Task A_quarantined_file_is_marked_whatever_URI_has_it()
    {
        await Write(new MediaCreated(Row("one", Hash('a'))), new FileQuarantined(Hash('a'), "@admin:one.test", 1));
        await Write(new MediaCreated(Row("two", Hash('a'))), new MediaCreated(Row("three", Hash('b'))));
        async Task<bool[]> MarkedAsync() =>
        [
            (await Store.Media.FindAsync(Here, "one", Stop))!.IsQuarantined,
            (await Store.Media.FindAsync(Here, "two", Stop))!.IsQuarantined,
            (await Store.Media.FindAsync(Here, "three", Stop))!.IsQuarantined,
        ];
        Assert.That(await MarkedAsync(), Is.EqualTo(new[] { true, true, false }));

        var (released, again) = (new FileReleased(Hash('a')), new FileReleased(Hash('a')));
        await Write(released, again);

        Assert.That((released.Applied, again.Applied), Is.EqualTo((true, false)));
        Assert.That(await MarkedAsync(), Is.EqualTo(new[] { false, false, false }));
    }

    [Test]
    public async Task The_longest_unused_media_comes_first()
    {
        await Write(
            new MediaCreated(Row("local", Hash('a'), at: 1)),
            new MediaCreated(Row("pending", size: 0, at: 1, expires: 9)),
            new MediaCreated(Row("b", Hash('b'), 20, There, null, at: 30)),
            new MediaCreated(Row("c", Hash('c'), 30, There, null, at: 20)),
            new MediaCreated(Row("d", Hash('d'), 40, There, null, at: 40)));
        await Write(new MediaAccessed(There, "c", 35), new MediaAccessed(There, "b", 29));
        async Task<string[]> UnusedAsync(bool isLocal, long before, int limit) =>
            [.. (await Store.Media.UnusedAsync(Here, isLocal, before, limit, Stop)).Select(row => row.MediaId)];

        Assert.That(await UnusedAsync(true, 10, 9), Is.EqualTo(new[] { "local" }));
        Assert.That(await UnusedAsync(false, 40, 9), Is.EqualTo(new[] { "b", "c" }));
        Assert.That(await UnusedAsync(false, long.MaxValue, 1), Is.EqualTo(new[] { "b" }));
        Assert.That(await Store.Media.RemoteUseAsync(Here, Stop), Is.EqualTo(new MediaUse(3, 90)));

        // What must not be served stays, so that it is not fetched again.
        await Write(new FileQuarantined(Hash('b'), "@admin:one.test", 1));
        Assert.That(await UnusedAsync(false, 40, 9), Is.EqualTo(new[] { "c" }));
        Assert.That(await Store.Media.RemoteUseAsync(Here, Stop), Is.EqualTo(new MediaUse(2, 70)));
    }

    [Test]
    public async Task URIs_without_content_are_purged_once_they_expired()
    {
        await Write(
            new MediaCreated(Row("early", size: 0, expires: 10)),
            new MediaCreated(Row("late", size: 0, expires: 20)),
            new MediaCreated(Row("full", Hash('a'))));

        await Write(new ExpiredMediaPurged(20));

        Assert.That(await Store.Media.FindAsync(Here, "early", Stop), Is.Null);
        Assert.That(await Store.Media.FindAsync(Here, "late", Stop), Is.Not.Null);
        Assert.That(await Store.Media.FindAsync(Here, "full", Stop), Is.Not.Null);
    }
}
