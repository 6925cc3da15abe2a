using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Http;

/// <summary>Requests that the web server refuses before a handler runs, or while it reads the body.</summary>
public sealed class RefusalTests
{
    private const string Host = "Host: test.example\r\n";
    private const string Login = "POST /_matrix/client/v3/login HTTP/1.1\r\n" + Host;
    private const string Chunked = Login + "Transfer-Encoding: chunked\r\n\r\n";

    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    private static IEnumerable<TestCaseData> Requests()
    {
        yield return Case(
            "a path with an escaped NUL",
            $"GET /_matrix/client/v3/profile/%00 HTTP/1.1\r\n{Host}\r\n",
            400,
            "M_INVALID_PARAM");
        yield return Case("a path with a NUL", $"GET /_matrix/\0 HTTP/1.1\r\n{Host}\r\n", 400, "M_UNRECOGNIZED");
        yield return Case("a path that is not ASCII", $"GET /_matrix/ü HTTP/1.1\r\n{Host}\r\n", 400, "M_UNRECOGNIZED");
        yield return Case("no HTTP", "good morning\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case(
            "the beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case("a target that is none", $"GET somewhere HTTP/1.1\r\n{Host}\r\n", 405, "M_UNRECOGNIZED");
        yield return Case("another version of HTTP", $"GET / HTTP/3.7\r\n{Host}\r\n", 505, "M_UNRECOGNIZED");
        yield return Case(
            "a long request line", $"GET /{new string('x', 20_000)} HTTP/1.1\r\n{Host}\r\n", 414, "M_TOO_LARGE");
        yield return Case(
            "a long header", $"GET / HTTP/1.1\r\n{Host}X: {new string('x', 40_000)}\r\n\r\n", 431, "M_TOO_LARGE");
        yield return Case(
            "many headers",
            $"GET / HTTP/1.1\r\n{Host}{string.Concat(Enumerable.Repeat("X: y\r\n", 200))}\r\n",
            431,
            "M_TOO_LARGE");
        yield return Case("no host", "GET / HTTP/1.1\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case(
            "a header's name with a space", $"GET / HTTP/1.1\r\n{Host}X Y: z\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case("a length that is none", $"{Login}Content-Length: 5x\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case("a negative length", $"{Login}Content-Length: -5\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case(
            "two lengths", $"{Login}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}", 400, "M_UNRECOGNIZED");
        yield return Case(
            "a coding that nobody knows", $"{Login}Transfer-Encoding: gzip\r\n\r\n", 400, "M_UNRECOGNIZED");
        yield return Case(
            "a body without its length", "POST /_matrix/client/v3/login HTTP/1.0\r\n\r\n{}", 400, "M_UNRECOGNIZED");

        yield return Case("a chunk without a size", Chunked + "zz\r\n{}\r\n0\r\n\r\n", 400, "M_NOT_JSON");
        yield return Case(
            "a chunk of an absurd size", Chunked + "ffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400, "M_NOT_JSON");
        yield return Case("a chunk longer than its size", Chunked + "1\r\n{}\r\n0\r\n\r\n", 400, "M_NOT_JSON");
        yield return Case(
            "an absurd length",
            $"{Login}Connection: close\r\nContent-Length: 99999999999\r\n\r\n{{}}",
            413,
            "M_TOO_LARGE");
        yield return Case("a body that comes too slowly", $"{Login}Content-Length: 50\r\n\r\n{{", 408, "M_UNKNOWN");
    }

    [TestCaseSource(nameof(Requests))]
    [Parallelizable(ParallelScope.All)]
    public async Task An_unreadable_request_gets_the_standard_error(string request, int status, string errcode)
    {
        IsStandard(await RawConnection.RequestAsync(_server.ClientAddress, request), status, errcode);
    }

    [Test]
    public async Task A_line_or_headers_that_do_not_end_get_the_standard_error()
    {
        // On a server of its own: others need more time if the machine stalls.
        await using var server = await TestServer.StartAsync(("limits.header_time", "2s"));

        var replies = await Task.WhenAll(
            RawConnection.RequestAsync(server.ClientAddress, "GET /_matrix"),
            RawConnection.RequestAsync(server.ClientAddress, $"GET / HTTP/1.1\r\n{Host}"));

        foreach (var reply in replies) IsStandard(reply, 408, "M_UNKNOWN");
    }

    [Test]
    public async Task A_refusal_on_a_connection_that_was_used_before_comes_after_the_answer_to_that()
    {
        var both = await RawConnection.RequestAsync(
            _server.ClientAddress,
            $"GET /_matrix/client/versions HTTP/1.1\r\n{Host}\r\nGET /%00 HTTP/1.1\r\n{Host}\r\n");

        var length = int.Parse(both.Header("Content-Length")!, System.Globalization.CultureInfo.InvariantCulture);
        var second = Reply.Parse(both.Text[length..]);
        Assert.That((both.Status, second.Status), Is.EqualTo((200, 400)));
        Assert.That(second.Text, Does.Contain("M_INVALID_PARAM"));
    }

    [Test]
    public async Task What_was_asked_by_HEAD_is_refused_without_a_body()
    {
        var reply = await RawConnection.RequestAsync(_server.ClientAddress, $"HEAD / HTTP/1.1\r\n{Host}X Y: z\r\n\r\n");

        Assert.That((reply.Status, reply.Text), Is.EqualTo((400, "")));
    }

    [Test]
    public async Task Nothing_of_this_is_a_fault_of_the_server()
    {
        foreach (var request in new[]
        {
            Chunked + "zz\r\n{}\r\n",
            Chunked + "ffffffffffffffff\r\n",
            "nonsense\r\n\r\n",
        })
        {
            await RawConnection.RequestAsync(_server.ClientAddress, request);
        }

        for (var i = 0; i < 20; i++)
        {
            using var connection = await RawConnection.OpenAsync(_server.ClientAddress);
            await connection.SendAsync($"{Login}Content-Length: 50\r\n\r\n{{");
            await Task.Delay(5);
            connection.Reset();
        }

        (await _server.Anyone.GetAsync("login")).Is(200);
        await Task.Delay(300);
        Assert.That(_server.Log, Does.Not.Contain("level=error").And.Not.Contain("level=warning"));
    }

    [Test]
    public void Hosting_makes_no_activity_for_a_request()
    {
        var log = _server.Services.GetRequiredService<ILoggerFactory>()
            .CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics");

        Assert.That(log.IsEnabled(LogLevel.Critical), Is.False);
        Assert.That(_server.Services.GetRequiredService<DiagnosticListener>().IsEnabled(), Is.False);
    }

    private static void IsStandard(Reply reply, int status, string errcode)
    {
        Assert.That((reply.Status, (string?)JsonNode.Parse(reply.Text)!["errcode"]), Is.EqualTo((status, errcode)));
        Assert.That((string?)JsonNode.Parse(reply.Text)!["error"], Is.Not.Empty);
        Assert.That(reply.Header("Content-Length"), Is.EqualTo($"{Encoding.UTF8.GetByteCount(reply.Text)}"));
        Assert.That(reply.Header("Content-Type"), Is.EqualTo("application/json"));
        Assert.That(reply.Header("Connection"), Is.EqualTo("close"));
        Assert.That(reply.Header("Access-Control-Allow-Origin"), Is.EqualTo("*"));
        Assert.That(reply.Header("Access-Control-Allow-Methods"), Is.EqualTo("GET, POST, PUT, DELETE, OPTIONS"));
        Assert.That(
            reply.Header("Access-Control-Allow-Headers"),
            Is.EqualTo("X-Requested-With, Content-Type, Authorization"));
    }

    private static TestCaseData Case(string name, string request, int status, string errcode) =>
        new TestCaseData(request, status, errcode).SetArgDisplayNames(name);
}
