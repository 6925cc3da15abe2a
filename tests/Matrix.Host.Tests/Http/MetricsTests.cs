using Matrix.Processes;

namespace Matrix.Host.Tests.Http;

public sealed class MetricsTests
{
    [Test]
    public async Task Figures_are_on_their_own_listener_only_and_named_by_route()
    {
        var port = Repository.FreePort();
        await using var server = await TestServer.StartAsync(("listeners.metrics", $"127.0.0.1:{port}"));
        var alice = await server.RegistersAsync("alice");
        (await alice.GetAsync($"profile/{alice.UserId}")).Is(200);
        (await alice.GetAsync("no/such/path/" + alice.Token)).Is(404, "M_UNRECOGNIZED");

        (await server.Anyone.GetAsync("/_/../metrics")).Is(404, "M_UNRECOGNIZED");
        using var http = new HttpClient();
        var page = await http.GetStringAsync($"http://127.0.0.1:{port}/metrics");

        Assert.That(
            page,
            Does.Match(
                """(?m)^matrix_http_request_duration_seconds_count\{method="GET",route="/_matrix/client/v3/"""
                    + """profile/\{userId\}",status="200"\} \d+$"""));
        Assert.That(page, Does.Contain("# TYPE matrix_http_request_duration_seconds histogram"));
        Assert.That(page, Does.Contain("""route="(unknown)",status="404"}"""));
        Assert.That(page, Does.Not.Contain(alice.Token!));
        Assert.That(page, Does.Contain("dotnet_process_memory_working_set"));
        Assert.That(await http.GetStringAsync($"http://127.0.0.1:{port}/health"), Is.EqualTo("OK"));
        Assert.That((await server.Anyone.GetAsync("/health")).Text, Is.EqualTo("OK"));
    }

    [Test]
    public async Task What_is_asked_otherwise_of_health_and_figures_is_told_how_to_ask()
    {
        var port = Repository.FreePort();
        await using var server = await TestServer.StartAsync(("listeners.metrics", $"127.0.0.1:{port}"));
        var metrics = new Uri($"http://127.0.0.1:{port}/");

        (await server.Anyone.SendAsync(HttpMethod.Head, "/health", null)).HasStatus(200);
        var wrong = (await server.Anyone.SendAsync(HttpMethod.Post, "/health", null)).Is(405, "M_UNRECOGNIZED");
        Assert.That(wrong.ContentHeaders.Allow, Is.EqualTo(new[] { "GET", "HEAD", "OPTIONS" }));
        Assert.That(
            (await server.Anyone.GetAsync("/health")).Headers.GetValues("Access-Control-Allow-Origin"),
            Is.EqualTo(new[] { "*" }));

        var head = await AskAsync("HEAD /metrics");
        Assert.That((head.Status, head.Text), Is.EqualTo((200, "")));
        var posted = await AskAsync("POST /metrics");
        Assert.That((posted.Status, posted.Header("Allow")), Is.EqualTo((405, "GET, HEAD")));
        Assert.That(posted.Text, Does.Contain("GET"));
        var elsewhere = await AskAsync("GET /_matrix/client/versions");
        Assert.That(elsewhere.Status, Is.EqualTo(404));
        Assert.That(elsewhere.Text, Does.Contain("/metrics"));

        Task<Reply> AskAsync(string line) =>
            RawConnection.RequestAsync(
                metrics,
                $"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}
