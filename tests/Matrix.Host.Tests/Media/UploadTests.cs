using System.Net.Sockets;
using System.Text;
using Matrix.Host.Api.Http;
using Matrix.Host.Media.Store;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Uploads, and what bounds them. Client-Server API, "Content repository".</summary>
internal sealed class UploadTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartAsync(settings);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync()
    {
        // Some tests need no server.
        if (_server is null) return;
        await _server.DisposeAsync();
        _server = null!;
    }

    [TestCase("v3")]
    [TestCase("v1")]
    [TestCase("r0")]
    public async Task What_is_uploaded_is_downloaded(string version)
    {
        await StartAsync();
        var reply = await _alice.SendAsync(
            HttpMethod.Post, $"/_matrix/media/{version}/upload", MediaActions.Body("a content", "image/png"));

        var download = await _alice.DownloadsAsync(MediaActions.UriOf(reply));

        Assert.That(download.HasStatus(200).Text, Is.EqualTo("a content"));
        Assert.That(download.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/png"));
    }

    [Test]
    public async Task Uploads_outlive_a_restart()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("kept");

        await _server.RestartAsync();

        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("kept"));
    }

    [Test]
    public async Task The_same_content_is_kept_once_and_goes_with_its_last_URI()
    {
        await StartAsync();
        string[] uris = [await _alice.UploadsAsync("same"), await _alice.UploadsAsync("same")];
        Assert.That(uris[0], Is.Not.EqualTo(uris[1]));
        Assert.That(MediaServer.FilesOf(_server), Has.Length.EqualTo(1));
        var repository = _server.Services.GetRequiredService<ContentRepository>();
        async Task DeleteAsync(string uri)
        {
            var found = await repository.FindAsync(uri.Split('/')[1], TimeSpan.Zero, CancellationToken.None);
            Assert.That(await repository.DeleteAsync(found.Value!, CancellationToken.None));
        }

        await DeleteAsync(uris[0]);
        (await _alice.DownloadsAsync(uris[0])).Is(404, "M_NOT_FOUND");
        Assert.That((await _alice.DownloadsAsync(uris[1])).HasStatus(200).Text, Is.EqualTo("same"));
        await DeleteAsync(uris[1]);

        (await _alice.DownloadsAsync(uris[1])).Is(404, "M_NOT_FOUND");
        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
    }

    [TestCase(null, "application/octet-stream")]
    [TestCase("not a type", "application/octet-stream")]
    [TestCase("text/html; charset=utf-8", "text/html; charset=utf-8")]
    public async Task A_content_has_the_type_that_it_was_uploaded_with(string? type, string expected)
    {
        await StartAsync();
        var body = MediaActions.Body("x", null);
        if (type is not null) body.Headers.TryAddWithoutValidation("Content-Type", type);
        var uri = MediaActions.UriOf(await _alice.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", body));

        Assert.That(
            (await _alice.DownloadsAsync(uri)).HasStatus(200).ContentHeaders.ContentType!.ToString(),
            Is.EqualTo(expected));
    }

    [TestCase("text/plain; name=\"\u00e9\"")]
    [TestCase("text/plain\r\nX: y")]
    public void A_type_that_no_header_can_have_is_not_kept(string type) =>
        Assert.That(Upload.TypeOf(type), Is.EqualTo("application/octet-stream"));

    [Test]
    public void A_full_disk_is_no_internal_error()
    {
        var fault = Assert.Catch(static () =>
        {
            using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
            RandomAccess.Write(full, new byte[1], 0);
        });

        Assert.That(FaultAnswers.For(fault!, "a request").Status, Is.EqualTo(503), fault!.ToString());
    }

    [Test]
    public async Task An_upload_needs_a_token()
    {
        await StartAsync();
        (await _server.Anyone.TryUploadAsync("x")).Is(401, "M_MISSING_TOKEN");
        (await _server.Anyone.PostAsync("/_matrix/media/v1/create")).Is(401, "M_MISSING_TOKEN");
        (await _server.Anyone.FillsAsync("test.example/x", "x")).Is(401, "M_MISSING_TOKEN");
        (await _server.Anyone.DownloadsAsync("test.example/x")).Is(401, "M_MISSING_TOKEN");
        (await _server.Anyone.GetAsync("/_matrix/client/v1/media/config")).Is(401, "M_MISSING_TOKEN");
    }

    [Test]
    public async Task Clients_are_told_the_limit_of_an_upload()
    {
        await StartAsync(("media.upload_bytes", "10KiB"));
        foreach (var path in new[] { "/_matrix/client/v1/media/config", "/_matrix/media/v3/config" })
        {
            Assert.That((long)(await _alice.GetAsync(path)).Is(200).Json["m.upload.size"]!, Is.EqualTo(10 << 10));
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_upload_beyond_the_limit_is_refused_and_leaves_nothing(bool saysItsLength)
    {
        await StartAsync(("media.upload_bytes", "10KiB"));
        var content = new string('x', (10 << 10) + 1);
        var body = saysItsLength
            ? MediaActions.Body(content, "text/plain")
            : new StreamContent(new Unseekable(Encoding.UTF8.GetBytes(content)));

        (await _alice.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", body)).Is(413, "M_TOO_LARGE");

        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
        await _alice.UploadsAsync(content[1..]);
    }

    [Test]
    public async Task An_upload_that_does_not_arrive_completely_leaves_nothing()
    {
        await StartAsync();
        using (var connection = new TcpClient())
        {
            await connection.ConnectAsync(_server.ClientAddress.Host, _server.ClientAddress.Port);
            var stream = connection.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {_alice.Token}\r\n"
                + "Content-Length: 1000000\r\n\r\n" + new string('x', 200_000)));
            await Until.HoldsAsync(() => MediaServer.FilesOf(_server).Length == 1);
        }

        await Until.HoldsAsync(() => MediaServer.FilesOf(_server).Length == 0);
    }

    [Test]
    public async Task What_a_killed_server_was_receiving_is_deleted_at_the_next_start()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("kept");
        await _server.StopAsync();
        var left = Path.Combine(_server.Folder, "media", "incoming", "half");
        await File.WriteAllTextAsync(left, "half a cont");

        await _server.RestartAsync();

        Assert.That(File.Exists(left), Is.False);
        Assert.That((await _alice.DownloadsAsync(uri)).HasStatus(200).Text, Is.EqualTo("kept"));
    }

    [Test]
    public async Task An_account_has_a_limit_of_bytes_and_of_files()
    {
        await StartAsync(("media.user_bytes", "1000"), ("media.user_files", "3"), ("limits.info_uri", ""));
        await _alice.UploadsAsync(new string('a', 600));
        (await _alice.TryUploadAsync(new string('b', 401))).Is(403, "M_FORBIDDEN");
        await _alice.UploadsAsync(new string('b', 399));
        var pending = await _alice.CreatesUriAsync();
        (await _alice.FillsAsync(pending, "c")).Is(200);
        (await _alice.TryUploadAsync("")).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync("/_matrix/media/v1/create")).Is(403, "M_FORBIDDEN");

        await (await _server.RegistersAsync("bob")).UploadsAsync("another user's");
        await _server.RestartAsync(("limits.info_uri", "https://example.org/limits"));
        var refused = (await _alice.TryUploadAsync("")).Is(403, "M_USER_LIMIT_EXCEEDED");
        Assert.That(refused.Member("info_uri"), Is.EqualTo("https://example.org/limits"));
    }

    [Test]
    public async Task Uploads_at_once_count_together()
    {
        await StartAsync(("media.user_bytes", "1000"), ("limits.info_uri", ""));
        var bodies = Enumerable.Range(0, 4).Select(_ => new HeldContent(400)).ToList();
        var uploads = bodies
            .Select(body => _alice.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", body)).ToList();
        await Until.HoldsAsync(() => MediaServer.FilesOf(_server).Length == 2);

        foreach (var body in bodies) body.Go.TrySetResult();

        var replies = await Task.WhenAll(uploads);
        Assert.That(replies.Select(reply => reply.Status).Order(), Is.EqualTo(new[] { 200, 200, 403, 403 }));
    }

    [Test]
    public async Task A_user_uploads_few_contents_at_once()
    {
        await StartAsync(("media.uploads_per_user", "1"));
        var held = new HeldContent(10);
        var running = _alice.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", held);
        await Until.HoldsAsync(() => MediaServer.FilesOf(_server).Length == 1);

        var refused = (await _alice.TryUploadAsync("x")).Is(429, "M_LIMIT_EXCEEDED");

        Assert.That((long)refused.Json["retry_after_ms"]!, Is.GreaterThan(0));
        held.Go.SetResult();
        (await running).Is(200);
        await _alice.UploadsAsync("x");
    }

    [Test]
    public async Task A_full_name_comes_back_in_the_header()
    {
        await StartAsync();
        var uri = await _alice.UploadsAsync("x", "image/png", "Größe \"1\".png");

        var disposition = (await _alice.DownloadsAsync(uri)).HasStatus(200).ContentHeaders.ContentDisposition!;
        Assert.That(disposition.DispositionType, Is.EqualTo("inline"));
        Assert.That(disposition.FileNameStar, Is.EqualTo("Größe \"1\".png"));

        var other = (await _alice.DownloadsAsync(uri + "/other.png")).HasStatus(200).ContentHeaders.ContentDisposition!;
        Assert.That(other.FileNameStar, Is.EqualTo("other.png"));
        foreach (var name in new[] { "a%00b", new string('x', 256) })
        {
            (await _alice.SendAsync(
                HttpMethod.Post, $"/_matrix/media/v3/upload?filename={name}", MediaActions.Body("x", null)))
                .Is(400, "M_INVALID_PARAM");
        }
    }

    /// <summary>A content whose length is not known.</summary>
    private sealed class Unseekable(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }

    /// <summary>A content whose last byte comes when the test wants.</summary>
    internal sealed class HeldContent(int length) : HttpContent
    {
        internal TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            await stream.WriteAsync(new byte[length - 1]);
            await stream.FlushAsync();
            await Go.Task;
            await stream.WriteAsync(new byte[1]);
        }

        protected override bool TryComputeLength(out long computed)
        {
            computed = length;
            return true;
        }
    }
}
