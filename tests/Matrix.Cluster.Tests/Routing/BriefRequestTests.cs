using Matrix.Host.Cluster.Routing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.Cluster.Tests.Routing;

/// <summary>Requests and responses as bodies of calls.</summary>
internal sealed class BriefRequestTests
{
    private static readonly ForwardedRequest _told = new("Client", "192.0.2.1", "https", "matrix.example", 42);

    private static readonly string[] _twoValues = ["1", "2"];

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task A_request_is_answered_as_it_was_sent_and_its_response_comes_back()
    {
        var handler = new Handler(static async http =>
        {
            http.Response.StatusCode = 201;
            http.Response.Headers.AccessControlAllowOrigin = "*";
            http.Response.Headers.Append("X-Two", "a");
            http.Response.Headers.Append("X-Two", "b");
            http.Response.Headers.Connection = "close";
            await http.Request.Body.CopyToAsync(http.Response.Body);
        });

        var answer = await new BriefRequestHandler(handler).AnswerAsync(Written("body"u8), Stop);
        var response = BriefResponse.TryRead(answer!.Value)!;

        Assert.That(handler.Told, Is.EqualTo(_told));
        var request = handler.Request!;
        Assert.That(request.Method, Is.EqualTo("PUT"));
        Assert.That(
            request.HttpContext.Features.Get<IHttpRequestFeature>()!.RawTarget, Is.EqualTo("/a%2Fb?c=%20"));
        Assert.That(request.Headers["X-Of-Client"], Is.EqualTo(_twoValues));
        Assert.That(request.Headers.TransferEncoding, Is.Empty);
        Assert.That(request.Headers.Connection, Is.Empty);
        Assert.That(response.Status, Is.EqualTo(201));
        Assert.That(response.WrongNodeAt, Is.Null);
        Assert.That(
            string.Join('\n', response.Headers.Select(static header => $"{header.Key}: {header.Value}")),
            Is.EqualTo("Access-Control-Allow-Origin: *\nX-Two: a\nX-Two: b"));
        Assert.That(response.Body.ToArray(), Is.EqualTo("body"u8.ToArray()));
    }

    [Test]
    public async Task What_was_written_without_a_flush_is_in_the_response()
    {
        var handler = new Handler(static http =>
        {
            "{}"u8.CopyTo(http.Response.BodyWriter.GetSpan(2));
            http.Response.BodyWriter.Advance(2);
            return Task.CompletedTask;
        });

        var answer = await new BriefRequestHandler(handler).AnswerAsync(Written([]), Stop);

        Assert.That(BriefResponse.TryRead(answer!.Value)!.Body.ToArray(), Is.EqualTo("{}"u8.ToArray()));
    }

    [Test]
    public async Task A_request_that_was_aborted_has_no_response()
    {
        var handler = new Handler(static http =>
        {
            http.Abort();
            return Task.CompletedTask;
        });

        Assert.That(await new BriefRequestHandler(handler).AnswerAsync(Written([]), Stop), Is.Null);
    }

    [Test]
    public async Task A_node_that_does_not_have_the_shard_says_how_far_it_has_read()
    {
        var handler = new Handler(static http =>
        {
            http.Response.StatusCode = RequestForwarding.WrongNode;
            http.Response.Headers[ForwardedRequest.PositionHeader] = "77";
            return Task.CompletedTask;
        });

        var answer = await new BriefRequestHandler(handler).AnswerAsync(Written([]), Stop);

        Assert.That(BriefResponse.TryRead(answer!.Value)!.WrongNodeAt, Is.EqualTo(77));
    }

    [Test]
    public async Task Bytes_that_are_no_request_are_refused()
    {
        var handler = new Handler(static _ => Task.CompletedTask);
        var whole = Written("body"u8);
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.That(await new BriefRequestHandler(handler).AnswerAsync(whole.AsMemory(0, length), Stop), Is.Null);
            Assert.That(BriefResponse.TryRead(whole.AsMemory(0, length)), Is.Null);
        }

        Assert.That(handler.Request, Is.Null);
    }

    [Test]
    public async Task Bodies_that_are_large_or_of_unknown_length_are_left_for_HTTP()
    {
        foreach (var length in new long?[] { BriefBodies.Most + 1, null })
        {
            var http = Request(new MemoryStream(new byte[BriefBodies.Most + 1]));
            http.Request.ContentLength = length;

            Assert.That(await BriefBodies.ReadAsync(http, Stop), Is.Null);
            Assert.That(http.Request.Body.Position, Is.Zero, "nothing was read");
        }
    }

    [Test]
    public async Task A_body_that_was_read_can_be_read_again()
    {
        var http = Request(new MemoryStream("body"u8.ToArray()));
        http.Request.ContentLength = 4;

        var body = await BriefBodies.ReadAsync(http, Stop);
        using var again = new MemoryStream();
        await http.Request.Body.CopyToAsync(again, Stop);

        Assert.That(body, Is.EqualTo("body"u8.ToArray()));
        Assert.That(again.ToArray(), Is.EqualTo(body));
    }

    private static byte[] Written(ReadOnlySpan<byte> body) => BriefRequest.Write(Request(Stream.Null), _told, body);

    private static DefaultHttpContext Request(Stream body)
    {
        var http = new DefaultHttpContext();
        http.Features.Get<IHttpRequestFeature>()!.RawTarget = "/a%2Fb?c=%20";
        http.Request.Method = "PUT";
        http.Request.Headers["X-Of-Client"] = _twoValues;
        http.Request.Headers.TransferEncoding = "chunked";
        http.Request.Headers.Connection = "keep-alive";
        http.Request.Body = body;
        return http;
    }

    private sealed class Handler(Func<HttpContext, Task> answer) : IForwardedRequestHandler
    {
        public HttpRequest? Request { get; private set; }

        public ForwardedRequest? Told { get; private set; }

        public async Task AnswerAsync(HttpContext http, ForwardedRequest? told)
        {
            (Request, Told) = (http.Request, told);
            await answer(http);
        }
    }
}
