namespace Matrix.Host.Tests.Media;

/// <summary>Media in a bucket.</summary>
internal sealed class S3Tests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private S3Stub _s3 = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _s3 = await S3Stub.StartAsync();
        _server = await TestServer.StartAsync(
            ("media.s3_endpoint", _s3.Url),
            ("media.s3_bucket", "bucket"),
            ("media.s3_prefix", "matrix/"),
            ("media.s3_access_key", S3Stub.AccessKey),
            ("media.s3_secret_key", S3Stub.SecretKey),
            ("media.local_kept", "1d"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _s3.DisposeAsync();
    }

    [Test]
    public async Task A_content_is_kept_in_the_bucket_once_and_read_in_parts()
    {
        var (one, two) = (await _alice.UploadsAsync("a content"), await _alice.UploadsAsync("a content"));

        Assert.That((await _alice.DownloadsAsync(one)).HasStatus(200).Text, Is.EqualTo("a content"));
        var part = await _alice.DownloadsAsync(two, ("Range", "bytes=2-4"));
        Assert.That((part.Status, part.Text), Is.EqualTo((206, "con")));
        Assert.That(_s3.Objects.Keys.Single(), Does.Match("^matrix/[0-9a-f]{64}-[0-9a-f]{16}$"));
        Assert.That(_s3.Refused, Is.Zero);
        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
        Assert.That((await _alice.DownloadsAsync(await _alice.UploadsAsync(""))).HasStatus(200).Text, Is.Empty);
    }

    [Test]
    public async Task A_thumbnail_is_made_of_a_content_in_the_bucket()
    {
        var uri = MediaActions.UriOf(await _alice.SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload",
            new ByteArrayContent(await TestImages.MakeAsync("png", 400, 300))));

        var reply = await _alice.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?width=64&height=48");

        Assert.That(reply.Status, Is.EqualTo(200));
        Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/jpeg"));
    }

    [Test]
    public async Task Old_media_goes_from_the_bucket_and_what_has_no_URI_too()
    {
        await _alice.UploadsAsync("old");
        foreach (var letter in "abc") _s3.Objects["matrix/" + new string(letter, 64)] = ([1], DateTimeOffset.UtcNow);
        _s3.Objects["matrix/other"] = ([1], DateTimeOffset.UtcNow);
        _s3.Objects["elsewhere"] = ([1], DateTimeOffset.UtcNow);
        _server.Ahead = TimeSpan.FromHours(30);

        await _server.CleansMediaAsync();
        await _server.SweepsMediaAsync();

        Assert.That(_s3.Objects.Keys, Is.EquivalentTo(new[] { "matrix/other", "elsewhere" }));
    }

    [Test]
    public async Task A_service_that_is_down_loses_nothing()
    {
        var uri = await _alice.UploadsAsync("kept");
        _s3.IsDown = true;

        (await _alice.TryUploadAsync("not kept")).Is(500, "M_UNKNOWN");
        (await _alice.DownloadsAsync(uri)).Is(500, "M_UNKNOWN");

        _s3.IsDown = false;
        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("kept"));
    }
}
