using System.Globalization;
using System.Text;

namespace Matrix.Host.Tests.Rendezvous;

/// <summary>Sessions in which two devices exchange text (MSC4108).</summary>
internal sealed class TextRendezvousTests
{
    private const string Root = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync(
        ("public_base_url", "https://matrix.test.example/"));

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Two_devices_exchange_payloads_without_a_token()
    {
        var made = (await SendAsync(HttpMethod.Post, Root, "")).Is(201);
        Assert.That(made.ContentHeaders.ContentType!.MediaType, Is.EqualTo("application/json"));
        Assert.That(made.Member("url"), Does.StartWith("https://matrix.test.example" + Root + "/"));
        var path = new Uri(made.Member("url")).AbsolutePath;

        var read = (await GetAsync(path)).HasStatus(200);
        Assert.That(read.Text, Is.Empty);
        Assert.That(Tag(read), Is.EqualTo(Tag(made)));
        (await GetAsync(path, ("If-None-Match", Tag(read)))).HasStatus(304);

        var written = (await SendAsync(HttpMethod.Put, path, "from B", ("If-Match", Tag(read)))).HasStatus(202);
        Assert.That(Tag(written), Is.Not.EqualTo(Tag(read)));
        var news = (await GetAsync(path, ("If-None-Match", Tag(read)))).HasStatus(200);
        Assert.That((news.Text, Tag(news)), Is.EqualTo(("from B", Tag(written))));
        Assert.That(news.ContentHeaders.ContentType!.ToString(), Is.EqualTo("text/plain"));

        // The same text again is another payload.
        var again = (await SendAsync(HttpMethod.Put, path, "from B", ("If-Match", Tag(written)))).HasStatus(202);
        Assert.That(Tag(again), Is.Not.EqualTo(Tag(written)));
        Assert.That((await DeleteAsync(path)).HasStatus(204).Text, Is.Empty);
        (await DeleteAsync(path)).Is(404, "M_NOT_FOUND");
        (await GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await SendAsync(HttpMethod.Put, path, "x", ("If-Match", Tag(again)))).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_payload_that_the_sender_has_not_seen_is_kept()
    {
        var path = await MakeAsync("first");
        var before = await GetAsync(path);
        var winner = (await SendAsync(HttpMethod.Put, path, "second", ("If-Match", Tag(before)))).HasStatus(202);
        var loser = (await SendAsync(HttpMethod.Put, path, "third", ("If-Match", Tag(before)))).Is(412, "M_UNKNOWN");
        Assert.That(loser.Member("org.matrix.msc4108.errcode"), Is.EqualTo("M_CONCURRENT_WRITE"));
        Assert.That(Tag(loser), Is.EqualTo(Tag(winner)));
        Assert.That((await GetAsync(path)).Text, Is.EqualTo("second"));
        (await SendAsync(HttpMethod.Put, path, "fourth", ("If-Match", $"\"x\", W/{Tag(winner)}"))).HasStatus(202);
    }

    [Test]
    public async Task Responses_say_until_when_and_are_not_kept_or_shown_by_browsers()
    {
        var path = await MakeAsync("<script>alert(1)</script>");
        var read = await GetAsync(path);
        var expires = DateTimeOffset.Parse(
            read.ContentHeaders.GetValues("Expires").Single(), CultureInfo.InvariantCulture);
        Assert.That(expires - DateTimeOffset.UtcNow, Is.InRange(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5)));
        Assert.That(read.ContentHeaders.Contains("Last-Modified"), Is.True);
        Assert.That(Header(read, "Cache-Control"), Is.EqualTo("no-store"));
        Assert.That(Header(read, "Pragma"), Is.EqualTo("no-cache"));
        Assert.That(Header(read, "X-Max-Bytes"), Is.EqualTo("4096"));
        Assert.That(Header(read, "X-Content-Type-Options"), Is.EqualTo("nosniff"));
        Assert.That(Header(read, "Content-Security-Policy"), Does.Contain("sandbox"));
        Assert.That(Header(read, "Access-Control-Allow-Origin"), Is.EqualTo("*"));
        Assert.That(Header(read, "Access-Control-Expose-Headers"), Does.Contain("ETag"));

        var preflight = await _server.Anyone.SendAsync(HttpMethod.Options, path, null);
        Assert.That(
            Header(preflight, "Access-Control-Allow-Headers"),
            Does.Contain("If-Match").And.Contain("If-None-Match").And.Contain("Content-Type"));

        // A page of another site may fetch it; a browser does not go to it, nor embed it.
        (await GetAsync(path, ("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors"))).HasStatus(200);
        var page = (await GetAsync(path, ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")))
            .HasStatus(403);
        Assert.That(page.Text, Does.Contain("M_FORBIDDEN").And.Not.Contain("script"));
        (await GetAsync(path, ("Sec-Fetch-Dest", "iframe"))).Is(403, "M_FORBIDDEN");
        var other = (await GetAsync(path, ("Sec-Fetch-Mode", "navigate"))).HasStatus(403);
        Assert.That(other.Text, Does.Contain("M_FORBIDDEN"));
    }

    [Test]
    public async Task Malformed_requests_are_refused()
    {
        var path = await MakeAsync("payload");
        var tag = Tag(await GetAsync(path));
        foreach (var (method, to) in new[] { (HttpMethod.Post, Root), (HttpMethod.Put, path) })
        {
            (await SendAsync(method, to, new StringContent("{}", Encoding.UTF8, "application/json"), tag))
                .Is(400, "M_INVALID_PARAM");
            (await SendAsync(method, to, new ByteArrayContent([1]), tag)).Is(400, "M_MISSING_PARAM");
            (await SendAsync(method, to, Text(new string('x', 4097)), tag)).Is(413, "M_TOO_LARGE");
        }

        (await SendAsync(HttpMethod.Put, path, "no If-Match")).Is(400, "M_MISSING_PARAM");
        (await SendAsync(HttpMethod.Put, path, new string('x', 4096), ("If-Match", tag))).HasStatus(202);
        (await GetAsync(Root + "/unknown")).Is(404, "M_NOT_FOUND");
        (await GetAsync(Root)).Is(405, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task A_session_ends_after_its_time()
    {
        var path = await MakeAsync("payload");
        var read = await GetAsync(path);
        _server.Ahead = TimeSpan.FromMinutes(4);
        (await SendAsync(HttpMethod.Put, path, "later", ("If-Match", Tag(read)))).HasStatus(202);
        _server.Ahead = TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1);
        (await GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Sessions_are_bounded_in_all_and_by_address()
    {
        await _server.RestartAsync(("rendezvous.sessions_of_address", "2"));
        var first = await MakeAsync("1");
        await MakeAsync("2");
        var refused = (await SendAsync(HttpMethod.Post, Root, "3")).Is(429, "M_LIMIT_EXCEEDED");
        Assert.That((long)refused.Json["retry_after_ms"]!, Is.InRange(1, 5 * 60 * 1000));

        // An ended one counts until it would have expired, or an address could make any number.
        (await DeleteAsync(first)).HasStatus(204);
        (await SendAsync(HttpMethod.Post, Root, "3")).Is(429, "M_LIMIT_EXCEEDED");
        _server.Ahead = TimeSpan.FromMinutes(6);
        await MakeAsync("3");

        await _server.RestartAsync(("rendezvous.sessions", "1"), ("rendezvous.sessions_of_address", "50"));
        (await GetAsync(first)).Is(404, "M_NOT_FOUND");
        await MakeAsync("1");
        (await SendAsync(HttpMethod.Post, Root, "2")).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task Payloads_and_requests_are_bounded()
    {
        await _server.RestartAsync(("rendezvous.writes", "10"), ("rendezvous.bytes", "1KiB"));
        (await SendAsync(HttpMethod.Post, Root, new string('x', 1025))).Is(413, "M_TOO_LARGE");
        var path = await MakeAsync("0");
        var tag = Tag(await GetAsync(path));
        for (var i = 0; i < 10; i++)
        {
            tag = Tag((await SendAsync(HttpMethod.Put, path, $"{i}", ("If-Match", tag))).HasStatus(202));
        }

        (await SendAsync(HttpMethod.Put, path, "more", ("If-Match", tag))).Is(429, "M_LIMIT_EXCEEDED");
        await _server.RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.rendezvous_per_second", "0.001"),
            ("rate_limits.rendezvous_burst", "3"));
        path = await MakeAsync("0");
        (await GetAsync(path)).HasStatus(200);
        (await GetAsync(path)).HasStatus(200);
        (await GetAsync(path)).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task It_is_advertised_and_can_be_turned_off()
    {
        Assert.That(await IsAdvertisedAsync(), Is.True);
        await _server.RestartAsync(("rendezvous.enabled", "false"), ("public_base_url", ""));
        Assert.That(await IsAdvertisedAsync(), Is.False);
        (await SendAsync(HttpMethod.Post, Root, "x")).Is(404, "M_UNRECOGNIZED");

        await _server.RestartAsync(("rendezvous.enabled", "true"));
        var made = (await SendAsync(HttpMethod.Post, Root, "x")).Is(201);
        Assert.That(made.Member("url"), Does.StartWith(_server.ClientAddress.GetLeftPart(UriPartial.Authority) + Root));
    }

    private static string Tag(Reply reply) => Header(reply, "ETag");

    private static string Header(Reply reply, string name) => string.Join(",", reply.Headers.GetValues(name));

    private static StringContent Text(string text)
    {
        var content = new StringContent(text);
        content.Headers.ContentType = new("text/plain");
        return content;
    }

    private async Task<bool> IsAdvertisedAsync() =>
        (bool)(await _server.Anyone.GetAsync("/_matrix/client/versions"))
            .Json["unstable_features"]!["org.matrix.msc4108"]!;

    private async Task<string> MakeAsync(string text) =>
        new Uri((await SendAsync(HttpMethod.Post, Root, text)).Is(201).Member("url")).AbsolutePath;

    private Task<Reply> GetAsync(string path, params (string, string)[] headers) =>
        _server.Anyone.SendAsync(HttpMethod.Get, path, null, headers);

    private Task<Reply> DeleteAsync(string path) => _server.Anyone.DeleteAsync(path);

    private Task<Reply> SendAsync(
        HttpMethod method, string path, string text, params (string, string)[] headers) =>
        _server.Anyone.SendAsync(method, path, Text(text), headers);

    private Task<Reply> SendAsync(HttpMethod method, string path, HttpContent body, string tag) =>
        _server.Anyone.SendAsync(method, path, body, ("If-Match", tag));
}
