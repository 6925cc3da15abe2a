using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Downloads. Client-Server API, "Content repository" and "Serving inline content".</summary>
internal sealed class DownloadTests
{
    private const string Content = "0123456789";

    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Every_response_keeps_browsers_from_running_it()
    {
        var uri = await _alice.UploadsAsync(Content);
        foreach (var reply in new[]
            {
                (await _alice.DownloadsAsync(uri)).HasStatus(200),
                (await _alice.DownloadsAsync("test.example/unknown")).Is(404, "M_NOT_FOUND"),
                (await _alice.DownloadsAsync(uri, ("Range", "bytes=2-3"))).HasStatus(206),
            })
        {
            string Header(string name) => string.Join(',', reply.Headers.GetValues(name));
            Assert.That(Header("X-Content-Type-Options"), Is.EqualTo("nosniff"));
            Assert.That(Header("Cross-Origin-Resource-Policy"), Is.EqualTo("cross-origin"));
            Assert.That(Header("Content-Security-Policy"), Does.StartWith("sandbox; default-src 'none'; script-src"));
        }
    }

    [TestCase("image/png", "inline")]
    [TestCase("IMAGE/PNG", "inline")]
    [TestCase("text/plain; charset=utf-8", "inline")]
    [TestCase("text/html", "attachment")]
    [TestCase("image/svg+xml", "attachment")]
    [TestCase("application/octet-stream", "attachment")]
    public async Task Only_harmless_types_are_shown_by_browsers(string type, string expected)
    {
        var uri = await _alice.UploadsAsync(Content, type);

        var disposition = (await _alice.DownloadsAsync(uri)).HasStatus(200).ContentHeaders.ContentDisposition!;

        Assert.That(disposition.ToString(), Is.EqualTo(expected));
    }

    [TestCase("bytes=0-", 206, Content, "bytes 0-9/10")]
    [TestCase("bytes=2-4", 206, "234", "bytes 2-4/10")]
    [TestCase("bytes=7-100", 206, "789", "bytes 7-9/10")]
    [TestCase("bytes=-3", 206, "789", "bytes 7-9/10")]
    [TestCase("bytes=-30", 206, Content, "bytes 0-9/10")]
    [TestCase("bytes=10-", 416, null, "bytes */10")]
    [TestCase("bytes=-0", 416, null, "bytes */10")]
    [TestCase("bytes=0-1,4-5", 200, Content, null)]
    [TestCase("bytes=5-2", 200, Content, null)]
    [TestCase("lines=0-1", 200, Content, null)]
    public async Task A_client_may_ask_for_a_part(string range, int status, string? part, string? shown)
    {
        var uri = await _alice.UploadsAsync(Content);

        var reply = await _alice.DownloadsAsync(uri, ("Range", range));

        Assert.That(reply.Status, Is.EqualTo(status));
        Assert.That(reply.ContentHeaders.ContentRange?.ToString(), Is.EqualTo(shown));
        if (part is not null) Assert.That(reply.Text, Is.EqualTo(part));
        else Assert.That(reply.Errcode, Is.EqualTo("M_INVALID_PARAM"));
    }

    [Test]
    public async Task A_client_that_has_the_content_gets_nothing()
    {
        var uri = await _alice.UploadsAsync(Content);
        var tag = (await _alice.DownloadsAsync(uri)).HasStatus(200).Headers.ETag!.ToString();

        Assert.That((await _alice.DownloadsAsync(uri, ("If-None-Match", tag))).Status, Is.EqualTo(304));
        Assert.That((await _alice.DownloadsAsync(uri, ("If-None-Match", "\"x\""))).Status, Is.EqualTo(200));
        Assert.That(
            (await _alice.DownloadsAsync(uri, ("Range", "bytes=1-1"), ("If-Range", tag))).Text, Is.EqualTo("1"));
        Assert.That(
            (await _alice.DownloadsAsync(uri, ("Range", "bytes=1-1"), ("If-Range", "\"x\""))).Text,
            Is.EqualTo(Content));
    }

    [TestCase("test.example/..%2f..%2fhomeserver.yaml", 404, "M_NOT_FOUND")]
    [TestCase("test.example/a.b", 404, "M_NOT_FOUND")]
    [TestCase("..%2f../x", 400, "M_INVALID_PARAM")]
    public async Task A_path_leads_to_media_only(string uri, int status, string code) =>
        (await _alice.DownloadsAsync(uri)).Is(status, code);

    [Test]
    public async Task Without_a_token_only_old_media_is_served()
    {
        var old = await _alice.UploadsAsync("old");
        foreach (var version in new[] { "v3", "v1", "r0" })
        {
            (await _server.Anyone.GetAsync($"/_matrix/media/{version}/download/{old}")).Is(404, "M_NOT_FOUND");
        }

        await _server.RestartAsync(
            ("media.unauthenticated_until", DateTimeOffset.UtcNow.AddHours(1).ToString("o")));
        _server.Ahead = TimeSpan.FromHours(2);
        var late = await _alice.UploadsAsync("late");

        foreach (var version in new[] { "v3", "v1", "r0" })
        {
            var path = $"/_matrix/media/{version}/download/";
            Assert.That((await _server.Anyone.GetAsync(path + old)).HasStatus(200).Text, Is.EqualTo("old"));
            Assert.That(
                (await _server.Anyone.GetAsync($"{path}{old}/name.txt")).HasStatus(200).Text, Is.EqualTo("old"));
            (await _server.Anyone.GetAsync(path + late)).Is(404, "M_NOT_FOUND");
        }

        Assert.That((await _alice.DownloadsAsync(late)).HasStatus(200).Text, Is.EqualTo("late"));
    }

    [Test]
    public async Task A_quarantined_content_is_not_served_under_any_URI()
    {
        var (first, other) = (await _alice.UploadsAsync("bad"), await _alice.UploadsAsync("good"));
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var row = await storage.Media.FindAsync("test.example", first.Split('/')[1], CancellationToken.None);

        await storage.Writer.WriteAsync(
            Batches.New(1).Add(new FileQuarantined(row!.FileHash!, "@admin:test.example", 1)),
            CancellationToken.None);

        var again = await _alice.UploadsAsync("bad");
        (await _alice.DownloadsAsync(first)).Is(404, "M_NOT_FOUND");
        (await _alice.DownloadsAsync(again)).Is(404, "M_NOT_FOUND");
        (await _alice.DownloadsAsync(other)).HasStatus(200);
    }
}
