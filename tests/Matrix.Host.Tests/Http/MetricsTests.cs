using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Http;

public sealed class MetricsTests
{
    [Test]
    public async Task Figures_are_on_their_own_listener_only_and_named_by_route()
    {
        var port = ProcessTestsPort();
        await using var server = await HomeserverFixture.StartAsync(("listeners.metrics", $"127.0.0.1:{port}"));
        var alice = await server.RegistersAsync("alice");
        (await alice.GetAsync($"profile/{alice.UserId}")).Is(200);
        (await alice.GetAsync("no/such/path/" + alice.Token)).Is(404, "M_UNRECOGNIZED");

        (await server.Anyone.GetAsync("/_/../metrics")).Is(404, "M_UNRECOGNIZED");
        using var http = new HttpClient();
        var page = await http.GetStringAsync($"http://127.0.0.1:{port}/metrics");

        Assert.That(page, Does.Match("""
            (?m)^matrix_http_request_duration_seconds_count\{method="GET",route="/_matrix/client/v3/profile/\{userId\}",status="200"\} \d+$
            """.Trim()));
        Assert.That(page, Does.Contain("# TYPE matrix_http_request_duration_seconds histogram"));
        Assert.That(page, Does.Contain("""route="(unknown)",status="404"}"""));
        Assert.That(page, Does.Not.Contain(alice.Token!));
        Assert.That(page, Does.Contain("dotnet_process_memory_working_set"));
        Assert.That(await http.GetStringAsync($"http://127.0.0.1:{port}/health"), Is.EqualTo("OK"));
        Assert.That((await server.Anyone.GetAsync("/health")).Text, Is.EqualTo("OK"));
    }

    private static int ProcessTestsPort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
