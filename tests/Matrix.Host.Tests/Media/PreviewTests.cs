using Matrix.Host.Media.Previews;
using Matrix.Host.Tests.Network;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Previews of pages. Client-Server API, "Content repository".</summary>
internal sealed class PreviewTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private WebPages _web = null!;

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartAsync([("federation.allow_networks", "127.0.0.0/8"), .. settings]);
        _alice = await _server.RegistersAsync("alice");
    }

    [SetUp]
    public async Task SetUpAsync() => _web = await WebPages.StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _web.DisposeAsync();
    }

    private Task<Reply> PreviewAsync(string path, string more = "") => AskAsync(_web.Url + path, more);

    private Task<Reply> AskAsync(string url, string more = "") =>
        _alice.GetAsync($"/_matrix/client/v1/media/preview_url?url={Uri.EscapeDataString(url)}{more}");

    [Test]
    public async Task A_page_is_shown_by_its_OpenGraph_with_the_image_kept_here()
    {
        await StartAsync();
        var image = await TestImages.MakeAsync("png", 40, 30);
        _web.Has("/a/picture.png", image, "text/plain");
        _web.Has("/a/page", """
            <html><head><title>Not this</title>
            <meta property="og:title" content="A &quot;title&quot;"><meta property="og:title" content="A second">
            <meta property="og:image" content="picture.png"><meta property="og:image:width" content="9999">
            <meta property="og:site_name" content="Site"></head><body><p>Not this.</p></body></html>
            """);

        var preview = (await PreviewAsync("/a/page")).Is(200);

        Assert.That(preview.Member("og:title"), Is.EqualTo("A \"title\""));
        Assert.That(preview.Member("og:site_name"), Is.EqualTo("Site"));
        Assert.That(preview.Member("og:description"), Is.EqualTo("Not this."));
        Assert.That(preview.Member("og:image:type"), Is.EqualTo("image/png"));
        Assert.That(
            ((int)preview.Json["og:image:width"]!,
                (int)preview.Json["og:image:height"]!,
                (int)preview.Json["matrix:image:size"]!),
            Is.EqualTo((40, 30, image.Length)));
        var kept = await _alice.DownloadsAsync(preview.Member("og:image")["mxc://".Length..]);
        kept.HasStatus(200);
        Assert.That(kept.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/png"));
        Assert.That(kept.ContentHeaders.ContentLength, Is.EqualTo(image.Length));
    }

    [Test]
    public async Task A_preview_is_kept_for_its_time_and_the_page_read_again_then()
    {
        await StartAsync();
        _web.Has("/page", "<title>First</title>");
        Assert.That((await PreviewAsync("/page")).Is(200).Member("og:title"), Is.EqualTo("First"));
        var then = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        _web.Has("/page", "<title>Second</title>");
        Assert.That((await PreviewAsync("/page#part")).Is(200).Member("og:title"), Is.EqualTo("First"));

        _server.Ahead = TimeSpan.FromHours(3);

        Assert.That((await PreviewAsync("/page")).Is(200).Member("og:title"), Is.EqualTo("Second"));
        Assert.That((await PreviewAsync("/page", $"&ts={then}")).Is(200).Member("og:title"), Is.EqualTo("First"));
        Assert.That((await PreviewAsync("/page", "&ts=1")).Is(200).Member("og:title"), Is.EqualTo("Second"));
        Assert.That(_web.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_page_is_fetched_once_for_all_who_wait()
    {
        await StartAsync();
        var held = new TaskCompletionSource();
        _web.Pages["/slow"] = async http =>
        {
            await held.Task;
            http.Response.ContentType = "text/html";
            await http.Response.WriteAsync("<title>Slow</title>");
        };
        var asked = Enumerable.Range(0, 5).Select(_ => PreviewAsync("/slow")).ToList();
        await Task.Delay(300);
        held.SetResult();

        foreach (var reply in await Task.WhenAll(asked))
        {
            Assert.That(reply.Is(200).Member("og:title"), Is.EqualTo("Slow"));
        }

        Assert.That(_web.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_image_is_its_own_preview_and_other_files_have_an_empty_one()
    {
        await StartAsync();
        _web.Has("/image", await TestImages.MakeAsync("jpg", 20, 10), "image/jpeg");
        _web.Has("/lie", "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml");
        _web.Has("/file", "%PDF", "application/pdf");

        var image = (await PreviewAsync("/image")).Is(200);

        Assert.That(image.Member("og:image:type"), Is.EqualTo("image/jpeg"));
        Assert.That((int)image.Json["og:image:width"]!, Is.EqualTo(20));
        Assert.That((await PreviewAsync("/lie")).Is(200).Text, Is.EqualTo("{}"));
        Assert.That((await PreviewAsync("/file")).Is(200).Text, Is.EqualTo("{}"));
    }

    [Test]
    public async Task Redirects_are_followed_up_to_a_number_and_never_to_other_schemes()
    {
        await StartAsync(("media.redirects", "2"));
        _web.Has("/end", "<title>End</title>");
        foreach (var (from, to) in new[] { ("/1", "/end"), ("/2", "/1"), ("/3", "/2"), ("/file", "file:///etc/hosts") })
        {
            _web.Pages[from] = http =>
            {
                http.Response.Redirect(to);
                return Task.CompletedTask;
            };
        }

        Assert.That((await PreviewAsync("/2")).Is(200).Member("og:title"), Is.EqualTo("End"));
        (await PreviewAsync("/3")).Is(502, "M_UNKNOWN");
        (await PreviewAsync("/file")).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task Private_networks_are_not_reached_directly_or_by_redirect_or_image()
    {
        _server = await TestServer.StartAsync(("federation.allow_networks", "127.0.0.1/32"));
        _alice = await _server.RegistersAsync("alice");
        var port = new Uri(_web.Url).Port;
        _web.Has("/secret.png", await TestImages.MakeAsync("png", 8, 8), "image/png");
        _web.Has("/page", $"<title>T</title><meta property='og:image' content='http://127.0.0.2:{port}/secret.png'>");
        _web.Pages["/moved"] = http =>
        {
            http.Response.Redirect($"http://127.0.0.2:{port}/page");
            return Task.CompletedTask;
        };

        (await AskAsync($"http://127.0.0.2:{port}/page")).Is(502, "M_UNKNOWN");
        (await AskAsync($"http://[::ffff:127.0.0.2]:{port}/page")).Is(502, "M_UNKNOWN");
        (await PreviewAsync("/moved")).Is(502, "M_UNKNOWN");
        Assert.That((await PreviewAsync("/page")).Is(200).Text, Is.EqualTo("""{"og:title":"T"}"""));
        Assert.That(_web.Requests, Is.EquivalentTo(new[] { "/moved", "/page" }));
    }

    [Test]
    public async Task What_fails_is_not_asked_again_for_a_while()
    {
        await StartAsync();

        (await PreviewAsync("/none")).Is(502, "M_UNKNOWN");
        (await PreviewAsync("/none")).Is(502, "M_UNKNOWN");

        Assert.That(_web.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_page_is_read_up_to_its_bound_and_an_image_beyond_it_left_out()
    {
        await StartAsync(("media.preview_page_bytes", "2KiB"), ("media.preview_image_bytes", "1KiB"));
        _web.Has("/large.png", await TestImages.MakeAsync("png", 200, 200), "image/png");
        _web.Has(
            "/page",
            "<title>Early</title><link rel='image_src' href='/large.png'>" + new string(' ', 4000)
                + "<meta property='og:title' content='Late'>");

        Assert.That((await PreviewAsync("/page")).Is(200).Text, Is.EqualTo("""{"og:title":"Early"}"""));
    }

    [Test]
    public async Task A_slow_page_takes_no_longer_than_its_time_and_a_user_a_share()
    {
        await StartAsync(("media.preview_time", "2s"), ("media.previews_per_user", "2"));
        _web.Pages["/never"] = _web.Pages["/neither"] = http =>
            Task.Delay(TimeSpan.FromSeconds(30), http.RequestAborted);
        var held = new[] { PreviewAsync("/never"), PreviewAsync("/neither") };
        for (var waited = 0; _web.Requests.Count < 2 && waited < 100; waited++) await Task.Delay(50);

        (await PreviewAsync("/more")).Is(429, "M_LIMIT_EXCEEDED");

        foreach (var reply in await Task.WhenAll(held).WaitAsync(TimeSpan.FromSeconds(15))) reply.Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task Old_previews_are_deleted_with_their_images()
    {
        await StartAsync(("media.preview_kept", "10d"));
        _web.Has("/image", await TestImages.MakeAsync("jpg", 20, 10), "image/jpeg");
        var image = (await PreviewAsync("/image")).Is(200).Member("og:image")["mxc://".Length..];
        var cleaner = _server.Services.GetRequiredService<PreviewCleaner>();
        _server.Ahead = TimeSpan.FromDays(9);
        await cleaner.CleanAsync(CancellationToken.None);
        (await _alice.DownloadsAsync(image)).HasStatus(200);

        _server.Ahead = TimeSpan.FromDays(11);
        await cleaner.CleanAsync(CancellationToken.None);

        (await _alice.DownloadsAsync(image)).Is(404, "M_NOT_FOUND");
        Assert.That(MediaServer.FilesOf(_server), Is.Empty);
    }

    [Test]
    public async Task The_oldest_previews_go_if_their_images_are_too_large_together()
    {
        await StartAsync(("media.preview_cache_bytes", "0"));
        _web.Has("/image", await TestImages.MakeAsync("jpg", 20, 10), "image/jpeg");
        var image = (await PreviewAsync("/image")).Is(200).Member("og:image")["mxc://".Length..];

        await _server.Services.GetRequiredService<PreviewCleaner>().CleanAsync(CancellationToken.None);

        (await _alice.DownloadsAsync(image)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Only_web_addresses_are_previewed_for_users()
    {
        await StartAsync(("media.preview_denied", "*.example.org"));

        (await AskAsync("ftp://example.com/")).Is(400, "M_INVALID_PARAM");
        (await AskAsync("no address")).Is(400, "M_INVALID_PARAM");
        (await AskAsync("https://example.com/" + new string('x', 3000))).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("/_matrix/client/v1/media/preview_url")).Is(400, "M_MISSING_PARAM");
        (await AskAsync(_web.Url, "&ts=soon")).Is(400, "M_INVALID_PARAM");
        (await AskAsync("https://www.example.org/")).Is(502, "M_UNKNOWN");
        (await _server.Anyone.GetAsync("/_matrix/client/v1/media/preview_url?url=https://example.com"))
            .Is(401, "M_MISSING_TOKEN");
        (await _alice.GetAsync("/_matrix/media/v3/preview_url?url=" + Uri.EscapeDataString(_web.Url)))
            .Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_server_without_previews_does_not_know_the_endpoint()
    {
        await StartAsync(("media.previews", "false"));

        (await AskAsync("https://example.com/")).Is(404, "M_UNRECOGNIZED");
    }
}
