using System.Text;
using Matrix.Import.Commands;
using Matrix.Import.Media;
using Matrix.Import.Tests.Configuration;
using Matrix.Import.Tests.People;
using Matrix.Import.Tests.Rooms;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Sources;

namespace Matrix.Import.Tests.Media;

/// <summary>Media that Synapse's S3 storage provider has put into a bucket.</summary>
internal sealed class BucketTests
{
    // 32 bytes, as the provider's `sse_customer_key`: text, which boto encodes.
    private const string EncryptionKey = "0123456789abcdef0123456789abcdef";

    private S3Stub _bucket = null!;
    private ConfigFolder _folder = null!;
    private SmallSynapse _source = null!;

    [SetUp]
    public async Task MakeSynapse()
    {
        _bucket = await S3Stub.StartAsync();
        _folder = new ConfigFolder();
        _source = await SmallSynapse.CreateAsync(
            TestDatabase.Sqlite, [.. SynapseTables.OfRooms, .. PeopleTables.All, .. MediaTables.All]);
        _ = _folder.Write("example.org.signing.key", "ed25519 a_1 nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\n");
    }

    [TearDown]
    public async Task DeleteSynapse()
    {
        await _source.DisposeAsync();
        _folder.Dispose();
        await _bucket.DisposeAsync();
    }

    [Test]
    public async Task Files_that_only_the_bucket_has_are_carried_and_missing_ones_are_named()
    {
        Stored("synapse/local_content/ab/cd/efgh", "in the bucket");
        Stored("synapse/remote_content/other.example/12/34/5678", "another server's");
        _ = _folder.Write("media/local_content/fo/ld/er01", "in the folder");
        await UploadedAsync("abcdefgh");
        await UploadedAsync("folder01");
        await UploadedAsync("missing1");
        await _source.InsertAsync(
            "remote_media_cache", ("media_origin", "other.example"), ("media_id", "remote01"),
            ("filesystem_id", "12345678"), ("media_type", "text/plain"), ("created_ts", 1), ("media_length", 16));

        var summary = await ImportAsync("");

        Assert.That(
            KeptFiles(), Is.EquivalentTo(new[] { "in the bucket", "in the folder", "another server's" }));
        var missing = summary.Report.LeftOut.Single();
        Assert.That(missing.Examples, Is.EqualTo(new[] { "missing1" }));
        Assert.That(missing.Reason, Is.EqualTo("its file is missing"));
        Assert.That(_bucket.Refused, Is.Zero);
    }

    [Test]
    public async Task Files_that_are_encrypted_by_the_customers_key_are_read()
    {
        Stored("synapse/local_content/ab/cd/efgh", "secret");
        _bucket.EncryptionKeys["synapse/local_content/ab/cd/efgh"] =
            Convert.ToBase64String(Encoding.UTF8.GetBytes(EncryptionKey));
        await UploadedAsync("abcdefgh");

        _ = await ImportAsync($", sse_customer_key: {EncryptionKey}");

        Assert.That(KeptFiles(), Is.EqualTo(new[] { "secret" }));
    }

    [Test]
    public async Task Keys_of_a_session_are_sent_with_its_token()
    {
        Stored("synapse/local_content/ab/cd/efgh", "content");
        _bucket.SessionToken = "a token";
        await UploadedAsync("abcdefgh");

        _ = await ImportAsync(", session_token: \"a token\"");

        Assert.That(KeptFiles(), Is.EqualTo(new[] { "content" }));
    }

    [Test]
    public async Task A_bucket_that_does_not_answer_costs_the_files_that_only_it_has()
    {
        _ = _folder.Write("media/local_content/fo/ld/er01", "in the folder");
        await UploadedAsync("abcdefgh");
        await UploadedAsync("folder01");
        _bucket.IsDown = true;

        var summary = await ImportAsync("");

        Assert.That(KeptFiles(), Is.EqualTo(new[] { "in the folder" }));
        var left = summary.Report.LeftOut.Single();
        Assert.That(left.Examples, Is.EqualTo(new[] { "abcdefgh" }));
        Assert.That(left.Reason, Does.Contain("cannot be read").And.Contain("the bucket bucket"));
    }

    private void Stored(string key, string content) =>
        _bucket.Objects[key] = (Encoding.UTF8.GetBytes(content), DateTimeOffset.UtcNow);

    private Task UploadedAsync(string mediaId) => _source.InsertAsync(
        "local_media_repository", ("media_id", mediaId), ("media_type", "text/plain"), ("media_length", 13),
        ("created_ts", 1), ("user_id", "@alice:example.org"), ("safe_from_quarantine", false));

    private List<string> KeptFiles() =>
    [
        .. Directory.GetFiles(Path.Combine(_folder.Target, "media"), "*", SearchOption.AllDirectories)
            .Select(File.ReadAllText),
    ];

    private Task<ImportedSummary> ImportAsync(string more)
    {
        _ = _folder.Write("homeserver.yaml", $$"""
            server_name: example.org
            report_stats: false
            signing_key_path: example.org.signing.key
            media_store_path: media
            database: {name: sqlite3, args: {database: "{{_source.File}}"} }
            media_storage_providers:
              - module: s3_storage_provider.S3StorageProviderBackend
                store_local: true
                store_remote: true
                store_synchronous: true
                config: {bucket: bucket, prefix: synapse/, region_name: eu-west-1, endpoint_url: "{{_bucket.Url}}",
                  access_key_id: {{S3Stub.AccessKey}}, secret_access_key: "{{S3Stub.SecretKey}}"{{more}}}
            """);
        return ImportCommand.RunAsync(
            new ImportOptions
            {
                ConfigPaths = [_folder.PathOf("homeserver.yaml")],
                SynapseFolder = _folder.Root,
                DataFolder = _folder.Target,
                Choices = new() { RemoteMedia = true },
                Watched = TimeSpan.Zero,
                Parts = [new LocalMediaPart(), new RemoteMediaPart()],
            },
            new KeptLog(),
            CancellationToken.None);
    }
}
