using Matrix.Host.Tests.Network;

namespace Matrix.Host.Tests.Media;

/// <summary>The share of one caller in thumbnails and previews.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ShareTests
{
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TestServer _server = null!;

    [TearDown]
    public async Task StopAsync()
    {
        _held.TrySetResult();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task One_user_leaves_places_for_thumbnails_of_others()
    {
        var files = new StubFiles();
        _server = await files.StartAsync(("media.thumbnails_at_once", "2"));
        var (alice, bob) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("bob"));
        var uri = await UploadsAsync(alice, await TestImages.MakeAsync("jpg", 400, 300));
        files.Held = _held.Task;
        var ofAlice = new[] { 32, 64, 96 }.Select(width => ThumbnailAsync(alice, uri, width)).ToList();
        await Until.HoldsAsync(() => files.Copies == 1);
        await Task.Delay(200);
        Assert.That(files.Copies, Is.EqualTo(1));

        var ofBob = ThumbnailAsync(bob, uri, 128);

        await Until.HoldsAsync(() => files.Copies == 2);
        _held.SetResult();
        foreach (var reply in await Task.WhenAll([.. ofAlice, ofBob])) Assert.That(reply.Status, Is.EqualTo(200));
    }

    [Test]
    public async Task The_addresses_of_one_network_share_thumbnails()
    {
        var files = new StubFiles();
        _server = await files.StartAsync(
            ("media.thumbnails_at_once", "2"),
            ("listeners.trust_forwarded_for", "true"),
            ("media.unauthenticated_until", DateTimeOffset.UtcNow.AddHours(1).ToString("o")));
        var uri = await UploadsAsync(
            await _server.RegistersAsync("alice"), await TestImages.MakeAsync("jpg", 400, 300));
        files.Held = _held.Task;
        Task<Reply> FromAsync(string address, int width) => _server.Anyone.SendAsync(
            HttpMethod.Get,
            $"/_matrix/media/v3/thumbnail/{uri}?width={width}&height=1",
            null,
            ("X-Forwarded-For", address));
        var one = new[] { FromAsync("2001:db8::1", 32), FromAsync("2001:db8::2", 64) };
        await Until.HoldsAsync(() => files.Copies == 1);
        await Task.Delay(200);
        Assert.That(files.Copies, Is.EqualTo(1));

        var other = FromAsync("2001:db8:0:1::1", 96);

        await Until.HoldsAsync(() => files.Copies == 2);
        _held.SetResult();
        foreach (var reply in await Task.WhenAll([.. one, other])) Assert.That(reply.Status, Is.EqualTo(200));
    }

    [Test]
    public async Task An_image_at_which_a_tool_was_ended_is_not_tried_in_another_size()
    {
        var files = new StubFiles();
        _server = await files.StartAsync(("media.thumbnail_time", "1ms"));
        var alice = await _server.RegistersAsync("alice");
        var uri = await UploadsAsync(alice, await TestImages.MakeAsync("jpg", 400, 300));

        foreach (var width in new[] { 32, 64, 96 }) (await ThumbnailAsync(alice, uri, width)).Is(400, "M_UNKNOWN");

        Assert.That(files.Copies, Is.EqualTo(1));
    }

    [Test]
    public async Task One_user_leaves_places_for_previews_of_others()
    {
        await using var web = await WebPages.StartAsync();
        _server = await TestServer.StartAsync(
            ("federation.allow_networks", "127.0.0.0/8"), ("media.previews_at_once", "4"));
        var (alice, bob) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("bob"));
        foreach (var path in new[] { "/a", "/b", "/c" }) web.Pages[path] = _ => _held.Task;
        Task<Reply> PreviewAsync(TestUser user, string path) => user.GetAsync(
            $"/_matrix/client/v1/media/preview_url?url={Uri.EscapeDataString(web.Url + path)}");
        var ofAlice = new[] { PreviewAsync(alice, "/a"), PreviewAsync(alice, "/b") };
        await Until.HoldsAsync(() => web.Requests.Count == 1);
        await Task.Delay(200);
        Assert.That(web.Requests, Has.Count.EqualTo(1));

        var ofBob = PreviewAsync(bob, "/c");

        await Until.HoldsAsync(() => web.Requests.Contains("/c"));
        _held.SetResult();
        foreach (var reply in await Task.WhenAll([.. ofAlice, ofBob])) Assert.That(reply.Status, Is.EqualTo(200));
    }

    private static async Task<string> UploadsAsync(TestUser user, byte[] image) => MediaActions.UriOf(
        await user.SendAsync(HttpMethod.Post, "/_matrix/media/v3/upload", new ByteArrayContent(image)));

    private static Task<Reply> ThumbnailAsync(TestUser user, string uri, int width) =>
        user.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?width={width}&height=1");
}
