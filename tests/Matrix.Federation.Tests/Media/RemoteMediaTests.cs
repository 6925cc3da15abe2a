using System.Net;
using System.Text.Json.Nodes;
using Matrix.Host.Media;
using Matrix.Host.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Media;

/// <summary>Media of other servers. Server-Server API, "Content Repository".</summary>
public sealed class RemoteMediaTests
{
    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private string Uri => _peer.Peer.Name + "/picture";

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartWithKnownKeysAsync(settings);
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [SetUp]
    public async Task SetUpAsync() => _peer = await PeerServer.StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task A_content_is_fetched_once_and_kept()
    {
        await StartAsync();
        _peer.Media = (http, _) =>
            PartsAsync(http, "a picture", "image/png", "attachment; filename*=UTF-8''Gr%C3%B6.png");
        var held = new TaskCompletionSource();
        _peer.Held = held.Task;
        var downloads = Enumerable.Range(0, 5).Select(_ => _alice.DownloadsAsync(Uri)).ToList();
        await Task.Delay(300);
        held.SetResult();

        foreach (var reply in await Task.WhenAll([.. downloads, _alice.DownloadsAsync(Uri)]))
        {
            Assert.That((reply.Status, reply.Text), Is.EqualTo((200, "a picture")));
            Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/png"));
            Assert.That(reply.ContentHeaders.ContentDisposition!.DispositionType, Is.EqualTo("inline"));
            Assert.That(reply.ContentHeaders.ContentDisposition.FileNameStar, Is.EqualTo("Grö.png"));
        }

        Assert.That(
            _peer.Requests.Single(), Does.StartWith("/_matrix/federation/v1/media/download/picture?timeout_ms="));
    }

    [Test]
    public async Task A_copy_that_is_gone_is_fetched_again()
    {
        await StartAsync();
        _peer.Media = (http, _) => PartsAsync(http, "a picture", "image/png", null);
        Assert.That((await _alice.DownloadsAsync(Uri)).Text, Is.EqualTo("a picture"));
        var folder = Path.Combine(_server.Services.GetRequiredService<MediaOptions>().Folder, "files");
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories)) File.Delete(file);

        Assert.That((await _alice.DownloadsAsync(Uri)).Text, Is.EqualTo("a picture"));
        Assert.That(_peer.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_slow_server_takes_few_fetches_and_no_longer_than_its_time()
    {
        await StartAsync(
            ("media.remote_fetches_of_server", "2"),
            ("media.remote_fetches_waiting_of_server", "3"),
            ("media.remote_time", "8s"),
            ("media.remote_pause", "1s"));
        _peer.Held = new TaskCompletionSource().Task;
        var held = Enumerable.Range(0, 2).Select(n => _alice.DownloadsAsync($"{_peer.Peer.Name}/slow{n}")).ToList();
        await Until.HoldsAsync(() => _peer.Requests.Count == 2);
        string[] more = [Uri, $"{_peer.Peer.Name}/more1", $"{_peer.Peer.Name}/more2"];
        var waiting = more.Select(uri => _alice.DownloadsAsync(uri)).ToList();

        // One of them may wait, whichever came first. The others are refused before any fetch ends.
        for (var refused = 0; refused < 2; refused++)
        {
            var first = await Task.WhenAny(waiting);
            (await first).Is(429, "M_LIMIT_EXCEEDED");
            waiting.Remove(first);
        }

        foreach (var reply in await Task.WhenAll(held).WaitAsync(TimeSpan.FromSeconds(30))) reply.Is(502, "M_UNKNOWN");
        _peer.Held = Task.CompletedTask;
        _peer.Media = (http, _) => PartsAsync(http, "a picture", "image/png", null);
        // Its turn may come, or the time of its waiting end first.
        Assert.That((await waiting[0]).Status, Is.AnyOf(200, 429, 502));
        await Until.HoldsAsync(async () => (await _alice.DownloadsAsync(Uri + "2")).Text == "a picture");
    }

    [Test]
    public async Task More_files_of_a_server_than_are_fetched_at_once_all_come()
    {
        await StartAsync(("media.remote_fetches_of_server", "1"));
        _peer.Media = (http, id) => PartsAsync(http, "picture " + id, "image/png", null);

        var replies = await Task.WhenAll(
            Enumerable.Range(0, 12).Select(n => _alice.DownloadsAsync($"{_peer.Peer.Name}/n{n}")));

        Assert.That(
            replies.Select(reply => reply.Text), Is.EqualTo(Enumerable.Range(0, 12).Select(n => $"picture n{n}")));
    }

    [Test]
    public async Task A_server_with_the_older_endpoint_only_is_asked_there()
    {
        await StartAsync();
        _peer.Media = async (http, _) =>
        {
            if (http.Request.Path.StartsWithSegments("/_matrix/federation"))
            {
                await TlsHost.WriteAsync(http, 404, new JsonObject { ["errcode"] = "M_UNRECOGNIZED" });
                return;
            }

            Assert.That(http.Request.Headers.Authorization.Count, Is.Zero);
            http.Response.ContentType = "text/html";
            await http.Response.WriteAsync("an old page");
        };

        var reply = await _alice.DownloadsAsync(Uri);

        Assert.That((reply.Status, reply.Text), Is.EqualTo((200, "an old page")));
        Assert.That(reply.ContentHeaders.ContentDisposition!.ToString(), Is.EqualTo("attachment"));
        Assert.That(
            _peer.Requests.Last(),
            Does.StartWith($"/_matrix/media/v3/download/{_peer.Peer.Name}/picture?allow_remote=false&timeout_ms="));
    }

    [Test]
    public async Task A_content_may_be_somewhere_else()
    {
        await StartAsync();
        await using var store = await PeerServer.StartAsync();
        store.Media = async (http, id) =>
        {
            if (id == "moved")
            {
                http.Response.StatusCode = 307;
                http.Response.Headers.Location = $"https://{store.Peer.Name}/_matrix/media/v3/download/x/here";
                return;
            }

            http.Response.ContentType = "image/gif";
            await http.Response.WriteAsync("stored");
        };
        _peer.Media = (http, _) => PartsAsync(
            http, "", null, null, $"https://{store.Peer.Name}/_matrix/media/v3/download/x/moved");

        var reply = await _alice.DownloadsAsync(Uri);

        Assert.That((reply.Status, reply.Text), Is.EqualTo((200, "stored")));
        Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/gif"));
    }

    [TestCase("http://127.0.0.1/x")]
    [TestCase("https://10.0.0.1/x")]
    [TestCase("file:///etc/passwd")]
    [TestCase("/relative")]
    public async Task A_content_is_not_taken_from_anywhere(string location)
    {
        await StartAsync();
        _peer.Media = (http, _) => PartsAsync(http, "", null, null, location);

        (await _alice.DownloadsAsync(Uri)).Is(502, "M_UNKNOWN");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_content_beyond_the_limit_is_not_kept(bool isOpen)
    {
        await StartAsync(("media.remote_file_bytes", "1000"));
        _peer.Media = async (http, _) =>
        {
            if (!isOpen) await PartsAsync(http, new string('x', 1001), "text/plain", null);
            else if (http.Request.Path.StartsWithSegments("/_matrix/federation")) http.Response.StatusCode = 404;
            else await http.Response.WriteAsync(new string('x', 1001));
        };

        (await _alice.DownloadsAsync(Uri)).Is(502, "M_TOO_LARGE");

        _peer.Media = (http, _) => PartsAsync(http, new string('x', 1000), "text/plain", null);
        Assert.That((await _alice.DownloadsAsync(_peer.Peer.Name + "/other")).Status, Is.EqualTo(200));
    }

    [TestCase("no multipart")]
    [TestCase("no boundary")]
    [TestCase("one part")]
    [TestCase("cut off")]
    [TestCase("long metadata")]
    public async Task A_malformed_response_is_an_error_and_leaves_nothing(string kind)
    {
        await StartAsync();
        _peer.Media = async (http, _) =>
        {
            http.Response.ContentType = kind switch
            {
                "no multipart" => "text/plain",
                "no boundary" => "multipart/mixed",
                _ => "multipart/mixed; boundary=b",
            };
            await http.Response.WriteAsync(kind switch
            {
                "one part" => "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--",
                "cut off" => "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n\r\nhalf a cont",
                "long metadata" => $"--b\r\n\r\n{new string('x', 100_000)}\r\n--b\r\n\r\nx\r\n--b--",
                _ => "--b\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--",
            });
        };

        (await _alice.DownloadsAsync(Uri)).Is(502, "M_UNKNOWN");

        var row = await _server.Services.GetRequiredService<OpenedStorage>().Media
            .FindAsync(_peer.Peer.Name, "picture", CancellationToken.None);
        Assert.That(row, Is.Null);
    }

    [TestCase(404, "M_NOT_FOUND", 404, "M_NOT_FOUND")]
    [TestCase(504, "M_NOT_YET_UPLOADED", 504, "M_NOT_YET_UPLOADED")]
    [TestCase(502, "M_TOO_LARGE", 502, "M_TOO_LARGE")]
    [TestCase(500, "M_UNKNOWN", 502, "M_UNKNOWN")]
    public async Task A_refusal_is_passed_on_and_remembered_for_a_while(
        int status, string code, int expected, string expectedCode)
    {
        await StartAsync();
        _peer.Media = (http, _) => TlsHost.WriteAsync(http, status, new JsonObject { ["errcode"] = code });

        for (var n = 0; n < 3; n++) (await _alice.DownloadsAsync(Uri)).Is(expected, expectedCode);

        // What may be uploaded at any moment is asked for again.
        Assert.That(_peer.Requests, Has.Count.EqualTo(code == "M_NOT_YET_UPLOADED" ? 3 : 1));
    }

    [Test]
    public async Task A_denied_server_is_not_asked()
    {
        await StartAsync(("federation.deny_servers", _peer.Peer.Name));

        (await _alice.DownloadsAsync(Uri)).Is(404, "M_NOT_FOUND");

        Assert.That(_peer.Requests, Is.Empty);
    }

    [Test]
    public async Task Nothing_is_fetched_without_a_token()
    {
        await StartAsync(("media.unauthenticated_until", "2000-01-01T00:00:00Z"));
        _peer.Media = (http, _) => PartsAsync(http, "a picture", "image/png", null);
        using var http = new HttpClient { BaseAddress = _server.ClientAddress };

        using var reply = await http.GetAsync($"/_matrix/media/v3/download/{Uri}");

        Assert.That(reply.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(_peer.Requests, Is.Empty);
    }

    [Test]
    public async Task A_server_gets_the_media_of_this_one_in_two_parts()
    {
        await StartAsync();
        var id = (await _alice.UploadsAsync("a picture", "image/png", "Grö.png")).Split('/')[1];

        var reply = await _peer.Peer.SendAsync(_server, "GET", $"/_matrix/federation/v1/media/download/{id}");

        Assert.That(reply.Status, Is.EqualTo(200));
        var type = reply.ContentHeaders.ContentType!;
        Assert.That(type.MediaType, Is.EqualTo("multipart/mixed"));
        var boundary = type.Parameters.Single(each => each.Name == "boundary").Value;
        Assert.That(reply.Text, Is.EqualTo(
            $"--{boundary}\r\nContent-Type: application/json\r\n\r\n{{}}\r\n--{boundary}\r\nContent-Type: image/png\r\n"
            + "Content-Disposition: inline; filename=Gr_.png; filename*=UTF-8''Gr%C3%B6.png\r\n\r\na picture\r\n"
            + $"--{boundary}--\r\n"));
        Assert.That(reply.ContentHeaders.ContentLength, Is.EqualTo(System.Text.Encoding.UTF8.GetByteCount(reply.Text)));
    }

    [Test]
    public async Task A_server_gets_thumbnails_of_images_that_are_not_too_large()
    {
        await StartAsync(("media.thumbnail_source_bytes", "500"));
        // Grey, of 64 times 48 pixels.
        var image = Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAAAAACEICPDAAAAJUlEQVR42u3MQREAAAwCIKMb3RD77SAA6VEEAoFAIBAIBALB12AwvgBb"
            + "YhXmNQAAAABJRU5ErkJggg==");

        var thumbnail = await ThumbnailAsync(image);
        var refused = await ThumbnailAsync([.. image, .. new byte[500]]);

        Assert.That(thumbnail.Status, Is.EqualTo(200), thumbnail.Text);
        Assert.That(thumbnail.ContentHeaders.ContentType!.MediaType, Is.EqualTo("multipart/mixed"));
        Assert.That(thumbnail.Text, Does.Contain("Content-Type: image/"));
        refused.Is(413, "M_TOO_LARGE");
    }

    [Test]
    public async Task A_server_gets_what_exists_and_signs_for_it()
    {
        await StartAsync();
        var id = (await _alice.UploadsAsync("a picture")).Split('/')[1];
        foreach (var unknown in new[] { "unknown", "a.b" })
        {
            (await _peer.Peer.SendAsync(_server, "GET", $"/_matrix/federation/v1/media/download/{unknown}"))
                .Is(404, "M_NOT_FOUND");
        }

        var created = (await _alice.CreatesUriAsync()).Split('/')[1];
        (await _peer.Peer.SendAsync(_server, "GET", $"/_matrix/federation/v1/media/download/{created}?timeout_ms=0"))
            .Is(504, "M_NOT_YET_UPLOADED");
        using var unsigned = new HttpRequestMessage(
            HttpMethod.Get, new Uri(_server.FederationAddress, $"/_matrix/federation/v1/media/download/{id}"));
        (await _server.SendAsync(unsigned)).Is(401, "M_UNAUTHORIZED");
    }

    /// <summary>Alice uploads an image, and the peer asks for a thumbnail of it.</summary>
    private async Task<Reply> ThumbnailAsync(byte[] image)
    {
        using var body = new ByteArrayContent(image);
        var uploaded = await _alice.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", body);
        var id = MediaActions.UriOf(uploaded).Split('/')[1];
        return await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/media/thumbnail/{id}?width=32&height=24");
    }

    /// <summary>Two parts: no metadata, and a content, or where it is.</summary>
    private static Task PartsAsync(
        HttpContext http, string content, string? type, string? disposition, string? location = null)
    {
        http.Response.ContentType = "multipart/mixed; boundary=\"the boundary\"";
        var headers = (type is null ? "" : $"Content-Type: {type}\r\n")
            + (disposition is null ? "" : $"Content-Disposition: {disposition}\r\n")
            + (location is null ? "" : $"Location: {location}\r\n");
        return http.Response.WriteAsync(
            "--the boundary\r\nContent-Type: application/json\r\n\r\n{}\r\n"
            + $"--the boundary\r\n{headers}\r\n{content}\r\n--the boundary--\r\n");
    }
}
