namespace Matrix.Host.Tests.Media;

/// <summary>HEAD of downloads and thumbnails. RFC 9110, "HEAD".</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class HeadTests
{
    private readonly StubFiles _files = new();
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await _files.StartAsync(
            ("media.unauthenticated_until", DateTimeOffset.UtcNow.AddHours(1).ToString("o")));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    private static Task<Reply> HeadAsync(TestClient client, string path, params (string, string)[] headers) =>
        client.SendAsync(HttpMethod.Head, path, null, headers);

    [Test]
    public async Task A_download_has_the_headers_of_GET_and_reads_nothing()
    {
        var uri = await _alice.UploadsAsync("0123456789", "text/plain", "name.txt");
        foreach (var (client, prefix) in new (TestClient, string)[]
            {
                (_alice, "/_matrix/client/v1/media/download/"),
                (_server.Anyone, "/_matrix/media/v3/download/"),
                (_server.Anyone, "/_matrix/media/r0/download/"),
            })
        {
            foreach (var path in new[] { prefix + uri, $"{prefix}{uri}/other.txt" })
            {
                var copies = _files.Copies;
                var head = (await HeadAsync(client, path, ("Range", "bytes=1-2"))).HasStatus(200);
                Assert.That((_files.Copies, head.Text), Is.EqualTo((copies, "")));
                Assert.That(head.ContentHeaders.ContentLength, Is.EqualTo(10));
                var get = (await client.GetAsync(path)).HasStatus(200);
                Assert.That(HeadersOf(head), Is.EqualTo(HeadersOf(get)));
            }
        }
    }

    [Test]
    public async Task A_thumbnail_has_the_headers_of_GET()
    {
        var uri = MediaActions.UriOf(await _alice.SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload",
            new ByteArrayContent(await TestImages.MakeAsync("png", 400, 300))));
        foreach (var path in new[] { "/_matrix/client/v1/media/", "/_matrix/media/v3/" })
        {
            var target = $"{path}thumbnail/{uri}?width=64&height=48";
            var head = (await HeadAsync(_alice, target)).HasStatus(200);

            var get = await _alice.GetAsync(target);

            Assert.That(head.Text, Is.Empty);
            Assert.That(head.ContentHeaders.ContentLength, Is.GreaterThan(0));
            Assert.That(HeadersOf(head), Is.EqualTo(HeadersOf(get)));
        }
    }

    [Test]
    public async Task What_the_client_has_or_what_is_not_there_has_the_status_of_GET()
    {
        var uri = await _alice.UploadsAsync("content");
        var path = "/_matrix/client/v1/media/download/" + uri;
        var tag = (await HeadAsync(_alice, path)).Headers.ETag!.ToString();

        Assert.That((await HeadAsync(_alice, path, ("If-None-Match", tag))).Status, Is.EqualTo(304));
        Assert.That((await HeadAsync(_alice, path + "x")).Status, Is.EqualTo(404));
        Assert.That((await HeadAsync(_server.Anyone, path)).Status, Is.EqualTo(401));
    }

    private static string[] HeadersOf(Reply reply) =>
    [
        .. reply.Headers.Concat(reply.ContentHeaders).Where(header => header.Key != "Date")
            .Select(header => $"{header.Key}: {string.Join(',', header.Value)}").Order(StringComparer.Ordinal),
    ];
}
