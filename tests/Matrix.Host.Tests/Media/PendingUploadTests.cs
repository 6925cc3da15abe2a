namespace Matrix.Host.Tests.Media;

/// <summary>URIs that get their content later. Client-Server API, "Content repository", `create`.</summary>
internal sealed class PendingUploadTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartAsync(settings);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_URI_is_created_and_gets_its_content_once()
    {
        await StartAsync();
        var uri = await _alice.CreatesUriAsync();
        (await _alice.DownloadsAsync(uri + "?timeout_ms=0")).Is(504, "M_NOT_YET_UPLOADED");

        (await _alice.FillsAsync(uri, "later")).Is(200);

        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("later"));
        (await _alice.FillsAsync(uri, "again")).Is(409, "M_CANNOT_OVERWRITE_MEDIA");
        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("later"));
        Assert.That(MediaServer.FilesOf(_server), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_download_waits_for_the_content()
    {
        await StartAsync();
        var uri = await _alice.CreatesUriAsync();
        var download = _alice.DownloadsAsync(uri);
        await Task.Delay(200);
        Assert.That(download.IsCompleted, Is.False);

        (await _alice.FillsAsync(uri, "later")).Is(200);

        Assert.That((await download.WaitAsync(TimeSpan.FromSeconds(30))).HasStatus(200).Text, Is.EqualTo("later"));
    }

    [Test]
    public async Task A_download_waits_no_longer_than_it_may_and_few_do_at_once()
    {
        await StartAsync(("media.longest_wait", "100ms"), ("media.waiting_downloads", "1"));
        var uri = await _alice.CreatesUriAsync();
        var first = _alice.DownloadsAsync(uri + "?timeout_ms=100000000000");
        var others = Enumerable.Range(0, 3).Select(_ => _alice.DownloadsAsync(uri));
        foreach (var reply in await Task.WhenAll(others.Append(first))) reply.Is(504, "M_NOT_YET_UPLOADED");
        (await _alice.DownloadsAsync(uri + "?timeout_ms=-1")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Only_its_creator_fills_a_URI()
    {
        await StartAsync();
        var bob = await _server.RegistersAsync("bob");
        var uri = await _alice.CreatesUriAsync();

        (await bob.FillsAsync(uri, "x")).Is(403, "M_FORBIDDEN");
        (await _alice.FillsAsync("test.example/unknown", "x")).Is(404, "M_NOT_FOUND");
        (await _alice.FillsAsync("other.example/" + uri.Split('/')[1], "x")).Is(404, "M_NOT_FOUND");
        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
    }

    [Test]
    public async Task A_URI_expires()
    {
        await StartAsync(("media.pending_time", "1h"), ("media.pending_per_user", "1"));
        var reply = (await _alice.PostAsync("/_matrix/media/v1/create")).Is(200);
        var uri = MediaActions.UriOf(reply);
        Assert.That(
            (long)reply.Json["unused_expires_at"]!,
            Is.EqualTo(DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds()).Within(60_000));
        (await _alice.PostAsync("/_matrix/media/v1/create")).Is(429, "M_LIMIT_EXCEEDED");

        _server.Ahead = TimeSpan.FromHours(2);

        (await _alice.FillsAsync(uri, "x")).Is(404, "M_NOT_FOUND");
        (await _alice.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        await _alice.CreatesUriAsync();
    }

    [Test]
    public async Task Of_two_uploads_to_one_URI_one_is_kept()
    {
        await StartAsync();
        var uri = await _alice.CreatesUriAsync();
        var held = new UploadTests.HeldContent(10);
        var slow = _alice.SendAsync(HttpMethod.Put, $"/_matrix/media/v3/upload/{uri}", held);
        await Until.HoldsAsync(() => MediaServer.FilesOf(_server).Length == 1);
        (await _alice.FillsAsync(uri, "fast")).Is(200);

        held.Go.SetResult();

        (await slow).Is(409, "M_CANNOT_OVERWRITE_MEDIA");
        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("fast"));
        Assert.That(MediaServer.FilesOf(_server), Has.Length.EqualTo(1));
    }
}
