using System.Net.Http.Headers;
using Matrix.Host.Media;
using Matrix.Host.Media.Store;
using Matrix.Host.Media.Thumbnails;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Media;

/// <summary>Thumbnails, made by the real tools. Client-Server API, "Thumbnails".</summary>
internal sealed class ThumbnailTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        var isAllowed = await TestImages.CanIsolateAsync();
        _server = await TestServer.StartAsync(
            [("media.images_without_sandbox", isAllowed ? "false" : "true"), .. settings]);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("jpg", "image/jpeg")]
    [TestCase("png", "image/jpeg")]
    [TestCase("webp", "image/jpeg")]
    [TestCase("avif", "image/jpeg")]
    [TestCase("gif", "image/png", TestName = "A_GIF_may_be_transparent")]
    public async Task An_image_of_each_format_has_thumbnails(string format, string expected)
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeAsync(format, 400, 300));

        var scaled = await GetAsync(uri, "width=64&height=48&method=scale");
        var cropped = await GetAsync(uri, "width=32&height=32&method=crop");

        Assert.That((scaled.Type, await TestImages.SizeAsync(scaled.Bytes)), Is.EqualTo((expected, (64, 48))));
        Assert.That((cropped.Type, await TestImages.SizeAsync(cropped.Bytes)), Is.EqualTo((expected, (32, 32))));
        Assert.That(scaled.Disposition, Does.StartWith("inline; filename=thumbnail."));
        Assert.That(await GetAsync(uri, "width=64&height=48"), Is.EqualTo(scaled).Using<Got>(Same));
    }

    [Test]
    public async Task An_image_as_small_as_asked_for_is_its_own_thumbnail()
    {
        await StartAsync();
        var image = await TestImages.MakeAsync("png", 40, 30);
        var uri = await UploadsAsync(image);

        var got = await GetAsync(uri, "width=64&height=48");

        Assert.That((got.Type, got.Bytes.SequenceEqual(image)), Is.EqualTo(("image/png", true)));
    }

    [Test]
    public async Task A_transparent_image_stays_so()
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeTransparentAsync(400, 300));

        var got = await GetAsync(uri, "width=64&height=48");

        Assert.That((got.Type, await TestImages.FieldAsync(got.Bytes, "bands")), Is.EqualTo(("image/png", "4")));
    }

    [Test]
    public async Task A_camera_may_have_been_turned_and_its_notes_are_removed()
    {
        await StartAsync();
        var turned = await TestImages.MakeTurnedAsync(400, 300);
        Assert.That(await TestImages.FieldAsync(turned, "orientation"), Is.EqualTo("6"));
        var uri = await UploadsAsync(turned);

        var got = await GetAsync(uri, "width=48&height=64");

        Assert.That(await TestImages.SizeAsync(got.Bytes), Is.EqualTo((48, 64)));
        Assert.That(await TestImages.FieldAsync(got.Bytes, "exif-data"), Is.Null);
    }

    [TestCase("", null)]
    [TestCase("&animated=false", null)]
    [TestCase("&animated=true", "3")]
    public async Task An_animation_moves_if_it_may(string animated, string? pictures)
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeMovingAsync(100, 80));

        var small = await GetAsync(uri, "width=48&height=36" + animated);
        var whole = await GetAsync(uri, "width=480&height=360" + animated);

        Assert.That(await TestImages.FieldAsync(small.Bytes, "n-pages"), Is.EqualTo(pictures));
        Assert.That((await TestImages.SizeAsync(small.Bytes)).Width, Is.EqualTo(48));
        Assert.That(small.Type, Is.EqualTo(pictures is null ? "image/png" : "image/webp"));
        Assert.That(await TestImages.FieldAsync(whole.Bytes, "n-pages"), Is.EqualTo(pictures));
    }

    [Test]
    public async Task An_animated_PNG_stands_still()
    {
        await StartAsync();
        var uri = await UploadsAsync(TestImages.Moving(await TestImages.MakeAsync("png", 20, 20)));

        var got = await GetAsync(uri, "width=32&height=32&animated=false");

        Assert.That(got.Type, Is.EqualTo("image/jpeg"));
        Assert.That(await TestImages.SizeAsync(got.Bytes), Is.EqualTo((20, 20)));
    }

    [Test]
    public async Task A_text_in_an_image_does_not_turn_it()
    {
        await StartAsync();
        var image = TestImages.With(
            await TestImages.MakeAsync("png", 1000, 100), "tEXt", "x\0a\norientation: 6\nn-pages: 9\n"u8);
        var uri = await UploadsAsync(image);

        Assert.That(
            await TestImages.SizeAsync((await GetAsync(uri, "width=64&height=64")).Bytes), Is.EqualTo((640, 64)));
    }

    [Test]
    public async Task A_kept_thumbnail_is_returned_although_others_wait()
    {
        await StartAsync(("media.thumbnails_per_caller", "1"));
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        var kept = await GetAsync(uri, "width=64&height=48");
        var other = await UploadsAsync(await TestImages.MakeAsync("png", 2000, 1500));
        var waiting = Enumerable.Range(1, 5).Select(n => ReplyAsync(other, $"width={100 * n}&height=1")).ToList();

        Assert.That(await GetAsync(uri, "width=60&height=45"), Is.EqualTo(kept).Using<Got>(Same));

        var replies = await Task.WhenAll(waiting);
        Assert.That(replies.Select(reply => reply.Status), Does.Contain(200).And.Contain(429));
    }

    [Test]
    public async Task Thumbnails_take_no_more_than_their_share_of_the_disk()
    {
        await StartAsync(("media.thumbnail_cache_bytes", "0"));
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        var made = await GetAsync(uri, "width=64&height=48");

        await _server.CleansMediaAsync();

        var folder = Path.Combine(_server.Folder, "media", "thumbnails");
        Assert.That(Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories), Is.Empty);
        Assert.That(await GetAsync(uri, "width=64&height=48"), Is.EqualTo(made).Using<Got>(Same));
    }

    [TestCase("text")]
    [TestCase("svg")]
    [TestCase("cut off")]
    [TestCase("empty")]
    public async Task What_is_no_image_has_no_thumbnails(string kind)
    {
        await StartAsync();
        var image = await TestImages.MakeAsync("png", 400, 300);
        var uri = await UploadsAsync(kind switch
        {
            "text" => "a text"u8.ToArray(),
            "svg" => "<svg xmlns='http://www.w3.org/2000/svg'/>"u8.ToArray(),
            "cut off" => image[..20],
            _ => [],
        });

        (await ReplyAsync(uri, "width=64&height=48")).Is(400, "M_UNKNOWN");
    }

    [TestCase("media.thumbnail_pixels", "100000")]
    [TestCase("media.thumbnail_source_bytes", "1000")]
    public async Task An_image_beyond_a_limit_is_not_decoded(string setting, string value)
    {
        await StartAsync((setting, value));
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));

        (await ReplyAsync(uri, "width=64&height=48")).Is(413, "M_TOO_LARGE");
    }

    [Test]
    public async Task A_tool_that_takes_too_long_is_ended()
    {
        await StartAsync(("media.thumbnail_time", "1ms"));
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));

        (await ReplyAsync(uri, "width=64&height=48")).Is(400, "M_UNKNOWN");
    }

    [TestCase("width=64", "M_MISSING_PARAM")]
    [TestCase("height=64", "M_MISSING_PARAM")]
    [TestCase("width=0&height=64", "M_INVALID_PARAM")]
    [TestCase("width=-1&height=64", "M_INVALID_PARAM")]
    [TestCase("width=64&height=64.5", "M_INVALID_PARAM")]
    [TestCase("width=64&height=64&method=stretch", "M_INVALID_PARAM")]
    [TestCase("width=64&height=64&animated=maybe", "M_INVALID_PARAM")]
    public async Task A_request_says_what_is_wanted(string query, string code)
    {
        await StartAsync();
        (await ReplyAsync("test.example/x", query)).Is(400, code);
    }

    [Test]
    public async Task Thumbnails_are_kept_and_go_with_the_image()
    {
        await StartAsync(("media.thumbnails_of_file", "2"), ("media.local_kept", "1d"));
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        foreach (var width in new[] { 32, 64, 96 }) await GetAsync(uri, $"width={width}&height=1");
        string[] Kept() => Directory.GetFiles(
            Path.Combine(_server.Folder, "media", "thumbnails"), "*", SearchOption.AllDirectories);
        Assert.That(Kept().Select(Path.GetFileName), Is.EquivalentTo(new[] { "note", "64x48.jpg", "96x72.jpg" }));

        _server.Ahead = TimeSpan.FromDays(2);
        await _server.CleansMediaAsync();

        Assert.That(Kept(), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_server.Folder, "media", "work")), Is.Empty);
    }

    [Test]
    public async Task A_decoder_sees_no_other_files_where_the_system_allows_that()
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        var secret = Path.Combine(_server.Folder, "secret");
        await File.WriteAllTextAsync(secret, "a key");
        var content = await ContentAsync(uri);
        var tool = _server.Services.GetRequiredService<ImageTool>();
        using var work = await tool.OpenAsync(content, CancellationToken.None);

        var seen = await tool.RunAsync(work, ["cat", secret], CancellationToken.None);
        var image = await tool.RunAsync(work, ["wc", "-c", "source"], CancellationToken.None);

        var isAllowed = await TestImages.CanIsolateAsync();
        Assert.That(seen.IsOk ? seen.Output : null, isAllowed ? Is.Null : Is.EqualTo("a key"));
        Assert.That((image.IsOk, image.Output), Is.EqualTo((true, $"{content.Length} source\n")));
    }

    [Test]
    public async Task A_decoder_has_no_capabilities_and_makes_no_process_namespace_mount_or_socket()
    {
        Assume.That(await TestImages.CanIsolateAsync(), "bubblewrap may not make namespaces here");
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        var tool = _server.Services.GetRequiredService<ImageTool>();
        using var work = await tool.OpenAsync(await ContentAsync(uri), CancellationToken.None);
        ValueTask<ToolRun> RunsAsync(params string[] command) => tool.RunAsync(work, command, CancellationToken.None);

        var status = await RunsAsync("cat", "/proc/self/status");
        Assert.That(status.Output, Does.Match("CapPrm:\t0+\n").And.Match("CapEff:\t0+\n").And.Match("Seccomp:\t2\n"));
        string[][] refused =
        [
            ["sh", "-c", "true | true"], ["unshare", "-U", "true"], ["mount", "-o", "remount,bind,rw", "/usr"],
            ["mount", "-t", "tmpfs", "none", "/tmp"], ["perl", "-MSocket", "-e", "socket(my $s, 2, 1, 0) or exit 9"],
            ["touch", "/usr/made-by-a-decoder"],
        ];
        foreach (var command in refused)
        {
            Assert.That((await RunsAsync(command)).IsOk, Is.False, string.Join(' ', command));
        }

        // The same program, when it does what a decoder does.
        Assert.That((await RunsAsync("perl", "-MSocket", "-e", "open(my $f, '>', 'made') or exit 9")).IsOk);
    }

    [Test]
    public async Task Without_a_sandbox_no_tool_is_started()
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 400, 300));
        var (images, options) = (
            _server.Services.GetRequiredService<ImageTool>(), _server.Services.GetRequiredService<MediaOptions>());
        using var work = await images.OpenAsync(await ContentAsync(uri), CancellationToken.None);
        using var tool = new VipsTool(options, TimeProvider.System, NullLogger.Instance, new IsolationProbe(
            (_, _) => ValueTask.FromResult(ToolRun.NotFound), isOptional: false, NullLogger.Instance));

        Assert.That(
            (await tool.RunAsync(work, ["touch", "made"], CancellationToken.None)).End,
            Is.EqualTo(ToolEnd.NotStarted));
        Assert.That(File.Exists(work.PathOf("made")), Is.False);
    }

    [Test]
    public async Task Without_a_token_only_old_images_have_thumbnails()
    {
        await StartAsync();
        var uri = await UploadsAsync(await TestImages.MakeAsync("png", 40, 30));
        foreach (var version in new[] { "v3", "v1", "r0" })
        {
            (await _server.Anyone.GetAsync($"/_matrix/media/{version}/thumbnail/{uri}?width=9&height=9"))
                .Is(404, "M_NOT_FOUND");
        }

        (await _server.Anyone.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?width=9&height=9"))
            .Is(401, "M_MISSING_TOKEN");
    }

    private async Task<string> UploadsAsync(byte[] image) => MediaActions.UriOf(await _alice.SendAsync(
        HttpMethod.Post, "/_matrix/media/v3/upload", new ByteArrayContent(image)));

    private async Task<MediaFile> ContentAsync(string uri)
    {
        var row = await _server.Services.GetRequiredService<OpenedStorage>()
            .Media.FindAsync("test.example", uri.Split('/')[1], CancellationToken.None);
        var files = _server.Services.GetRequiredService<IMediaFiles>();
        return (await files.OpenAsync(row!.File!, CancellationToken.None))!;
    }

    private Task<Reply> ReplyAsync(string uri, string query) =>
        _alice.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?{query}");

    private async Task<Got> GetAsync(string uri, string query)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(_server.ClientAddress, $"/_matrix/client/v1/media/thumbnail/{uri}?{query}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _alice.Token);
        using var response = await _server.Http.SendAsync(request);
        var bytes = await response.Content.ReadAsByteArrayAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(200), () => System.Text.Encoding.UTF8.GetString(bytes));
        return new Got(
            response.Content.Headers.ContentType!.ToString(),
            response.Content.Headers.ContentDisposition!.ToString(),
            bytes);
    }

    private static bool Same(Got one, Got other) => one.Type == other.Type && one.Bytes.SequenceEqual(other.Bytes);

    private sealed record Got(string Type, string Disposition, byte[] Bytes);
}
