using System.Security.Cryptography;
using System.Text;
using Matrix.Import.Media;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Media;

/// <summary>Media files and their rows.</summary>
internal sealed class MediaTests(string sourceKind, string targetKind) : ImportedServerTests(sourceKind, targetKind)
{
    private const long At = 1_700_000_000_000;

    private string _synapse = "";
    private string _ours = "";

    protected override IReadOnlyList<string> Tables => MediaTables.All;

    protected override IReadOnlyList<IImportPart> Parts { get; } = [new LocalMediaPart(), new RemoteMediaPart()];

    [SetUp]
    public void MakeFolders()
    {
        _synapse = Directory.CreateTempSubdirectory("matrix-synapse-media-").FullName;
        _ours = Directory.CreateTempSubdirectory("matrix-media-").FullName;
        Files = OpenFiles(link: true);
    }

    [TearDown]
    public void DropFolders()
    {
        Files!.Dispose();
        Directory.Delete(_synapse, recursive: true);
        Directory.Delete(_ours, recursive: true);
    }

    [Test]
    public async Task Uploaded_media_keeps_its_content_name_type_and_times()
    {
        await UploadedAsync("abcdefgh", "hello", ("upload_name", "a.txt"), ("last_access_ts", At + 5));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var media = (await target.Media.FindAsync(ServerName, "abcdefgh", Stop))!;
        Assert.That(media.FileHash, Is.EqualTo(HashOf("hello")));
        Assert.That(media.Size, Is.EqualTo(5));
        Assert.That((media.ContentType, media.FileName), Is.EqualTo(("text/plain", "a.txt")));
        Assert.That(media.Uploader, Is.EqualTo(Id("alice")));
        Assert.That((media.CreatedAt, media.AccessedAt), Is.EqualTo((At, At + 5)));
        Assert.That(await File.ReadAllTextAsync(PathOf("hello")), Is.EqualTo("hello"));
    }

    [Test]
    public async Task A_file_in_quarantine_stays_there_and_a_protected_one_protected()
    {
        await UploadedAsync("quarantined", "bad", ("quarantined_by", "@mod:x"));
        await UploadedAsync("protected1", "good", ("safe_from_quarantine", true));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That((await target.Media.FindAsync(ServerName, "quarantined", Stop))!.IsQuarantined, Is.True);
        var media = (await target.Media.FindAsync(ServerName, "protected1", Stop))!;
        Assert.That((media.IsQuarantined, media.IsProtected), Is.EqualTo((false, true)));
    }

    [Test]
    public async Task A_missing_file_and_an_id_that_leads_out_of_the_folder_are_left_out_by_name()
    {
        await RowAsync("missing1", 5);
        await RowAsync("../../etc", 5);

        await ImportAsync();

        var left = (await FindingsAsync()).ToDictionary(static each => each.Subject, static each => each.Reason);
        Assert.That(left["missing1"], Is.EqualTo("its file is missing"));
        Assert.That(left["../../etc"], Is.EqualTo("its id is none that a file can have"));
    }

    [Test]
    public async Task Promised_media_can_still_be_uploaded_for_a_day_and_previews_are_made_again()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await RowAsync("promised", null, ("created_ts", now - 1_000));
        await RowAsync("too-late", null, ("created_ts", now - TimeSpan.FromDays(2).TotalMilliseconds));
        await UploadedAsync("2020-01-01_preview", "image", ("url_cache", "https://example.org/"));

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That((await target.Media.FindAsync(ServerName, "promised", Stop))!.ExpiresAt, Is.GreaterThan(now));
        Assert.That(await target.Media.FindAsync(ServerName, "too-late", Stop), Is.Null);
        Assert.That(await target.Media.FindAsync(ServerName, "2020-01-01_preview", Stop), Is.Null);
    }

    [TestCase(true, true, ExpectedResult = "cached quarantined")]
    [TestCase(false, false, ExpectedResult = "quarantined")]
    public async Task<string> Cached_media_of_others_comes_by_choice_and_what_is_in_quarantine_always(
        bool isChosen, bool isLinked)
    {
        Files!.Dispose();
        Files = OpenFiles(isLinked);
        Choices = new ImportChoices { RemoteMedia = isChosen };
        await CachedAsync("cached", "one", null);
        await CachedAsync("quarantined", "two", "@mod:x");

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var found = new List<string>();
        foreach (var id in new[] { "cached", "quarantined" })
        {
            if (await target.Media.FindAsync("other.example", id, Stop) is not null) found.Add(id);
        }

        return string.Join(' ', found);
    }

    [Test]
    public async Task What_was_carried_before_is_not_read_again()
    {
        await UploadedAsync("abcdefgh", "hello");
        Assert.That((await Files!.KeepLocalAsync("abcdefgh", Stop)).File!.Value.Hash, Is.EqualTo(HashOf("hello")));
        Files.Save();
        Files.Dispose();

        // Only a file that was hashed before passes without being read.
        File.SetUnixFileMode(PathOf("hello"), UnixFileMode.UserRead);
        var kept = File.GetLastWriteTimeUtc(PathOf("hello"));
        Files = OpenFiles(link: false);
        var again = (await Files.KeepLocalAsync("abcdefgh", Stop)).File!.Value;

        Assert.That(again, Is.EqualTo(new KeptFile(HashOf("hello"), 5)));
        Assert.That(File.GetLastWriteTimeUtc(PathOf("hello")), Is.EqualTo(kept));
        Assert.That(Directory.GetFiles(Path.Combine(_ours, "media", "files")), Is.Empty, "Nothing was left beside.");
    }

    private static string HashOf(string content) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    private CarriedFiles OpenFiles(bool link) =>
        new([new FolderOrigin(_synapse)], new KeptFiles(Path.Combine(_ours, "media"), link), _ours);

    private string PathOf(string content) =>
        Path.Combine(_ours, "media", "files", HashOf(content)[..2], HashOf(content)[2..]);

    private async Task UploadedAsync(string id, string content, params (string Column, object? Value)[] more)
    {
        await WriteAsync(MediaPaths.OfLocal(id)!, content);
        await RowAsync(id, content.Length, more);
    }

    private Task RowAsync(string id, long? length, params (string Column, object? Value)[] more) => Source.InsertAsync(
        "local_media_repository",
        [
            .. new (string Column, object? Value)[]
            {
                ("media_id", id), ("media_type", "text/plain"), ("media_length", length), ("created_ts", At),
                ("user_id", Id("alice")), ("safe_from_quarantine", false),
            }.Where(cell => !more.Any(each => each.Column == cell.Column)),
            .. more,
        ]);

    private async Task CachedAsync(string id, string content, string? quarantinedBy)
    {
        await WriteAsync(MediaPaths.OfRemote("other.example", "file" + id)!, content);
        await Source.InsertAsync(
            "remote_media_cache",
            ("media_origin", "other.example"), ("media_id", id), ("media_type", "text/plain"), ("created_ts", At),
            ("media_length", content.Length), ("filesystem_id", "file" + id), ("quarantined_by", quarantinedBy));
    }

    private async Task WriteAsync(string path, string content)
    {
        var file = Path.Combine(_synapse, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, content);
    }
}
