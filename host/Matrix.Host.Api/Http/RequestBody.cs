using System.Buffers;
using System.IO.Pipelines;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Matrix.Host.Api.Http;

/// <summary>Reads a body as JSON, within a limit.</summary>
internal static class RequestBody
{
    private const string FormType = "application/x-www-form-urlencoded";

    /// <summary>The least bytes a second of a form.</summary>
    private const int LeastRate = 240;

    /// <summary>The time before a body must arrive at its least rate.</summary>
    private static readonly TimeSpan _graceTime = TimeSpan.FromSeconds(10);

    /// <summary>The body's object, or the error.</summary>
    /// <param name="limit">The most bytes.</param>
    /// <param name="incoming">The body of another server; null for one of a client.</param>
    /// <param name="late">Cancelled when the body takes too long.</param>
    internal static async ValueTask<(JsonObject? Body, Answer? Problem)> ReadAsync(
        HttpContext http,
        RouteOptions options,
        int limit,
        IncomingBody? incoming,
        CancellationToken stop,
        CancellationToken late = default)
    {
        if (http.Request.ContentLength > limit) return (null, TooLarge(limit));

        var reader = http.Request.BodyReader;

        // Not cancelled by a token: the web server would log an error when it skips the rest of the body.
        using var ends = late.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        using var stops = stop.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(CancellationToken.None);
                if (read.IsCanceled)
                {
                    reader.AdvanceTo(read.Buffer.End);
                    stop.ThrowIfCancellationRequested();
                    return (null, Unfinished(http, FaultAnswers.Unreadable(408)));
                }

                if (read.Buffer.Length > limit)
                {
                    reader.AdvanceTo(read.Buffer.End);
                    return (null, TooLarge(limit));
                }

                var length = read.Buffer.Length;
                if (incoming?.Arrived(length) is { } refusal)
                {
                    reader.AdvanceTo(read.Buffer.End);
                    return (null, refusal);
                }

                if (read.IsCompleted)
                {
                    var parsed = Parse(read.Buffer, options, limit, incoming);
                    reader.AdvanceTo(read.Buffer.End);
                    return parsed;
                }

                // Nothing is consumed until the body is complete: the pipe holds it, in pooled memory.
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
        catch (IOException broken) when (broken is not ConnectionResetException)
        {
            return (null, Unfinished(http, Unreadable(broken)));
        }
    }

    /// <summary>The bytes of a form, or the error.</summary>
    /// <param name="limit">The most bytes.</param>
    internal static async ValueTask<(ReadOnlyMemory<byte> Form, Answer? Problem)> ReadFormAsync(
        HttpContext http, int limit, CancellationToken stop)
    {
        if (http.Request.ContentType is not { } type
            || !type.Split(';')[0].Trim().Equals(FormType, StringComparison.OrdinalIgnoreCase))
        {
            return (default, Answer.Error(415, MatrixError.NotJson, $"The body must be {FormType}."));
        }

        var pipe = Raw(http, limit, LeastRate);
        try
        {
            using var bytes = new MemoryStream();
            while (true)
            {
                var read = await pipe.ReadAsync(stop);
                foreach (var piece in read.Buffer) bytes.Write(piece.Span);
                pipe.AdvanceTo(read.Buffer.End);
                if (bytes.Length > limit) return (default, TooLarge(limit));
                if (read.IsCompleted) return (bytes.ToArray(), null);
            }
        }
        catch (BadHttpRequestException broken)
        {
            return (default, Incomplete(http, broken));
        }
    }

    /// <summary>Lets the handler of a route read a body itself, of any type.</summary>
    /// <param name="most">The most bytes, which the handler counts. The web server ends a longer body.</param>
    /// <param name="rate">The least bytes a second; the web server ends a slower body.</param>
    internal static PipeReader Raw(HttpContext http, long most, int rate)
    {
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } feature)
        {
            feature.MinDataRate = new Microsoft.AspNetCore.Server.Kestrel.Core.MinDataRate(rate, _graceTime);
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = most + 1;
        }

        return http.Request.BodyReader;
    }

    /// <summary>The response to a body that did not arrive completely.</summary>
    internal static Answer Incomplete(HttpContext http, BadHttpRequestException broken) =>
        Unfinished(http, Unreadable(broken));

    /// <summary>Ends the connection after the response: the start of a next request is unknown.</summary>
    private static Answer Unfinished(HttpContext http, Answer answer)
    {
        http.Response.Headers.Connection = "close";
        http.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        return answer;
    }

    private static (JsonObject?, Answer?) Parse(
        in ReadOnlySequence<byte> bytes, RouteOptions options, int limit, IncomingBody? incoming)
    {
        if (bytes.IsEmpty && options.BodyMayBeMissing) return (JsonObject.Empty, null);
        if (bytes.IsSingleSegment) return Parse(bytes.FirstSpan, options, limit, incoming);

        var length = (int)bytes.Length;
        var whole = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            bytes.CopyTo(whole);
            return Parse(whole.AsSpan(0, length), options, limit, incoming);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private static (JsonObject?, Answer?) Parse(
        ReadOnlySpan<byte> bytes, RouteOptions options, int limit, IncomingBody? incoming)
    {
        if (incoming?.Parsing(bytes) is { } refusal) return (null, refusal);
        var reading = options.CanonicalBody ? Reading.Strict : Reading.Client;
        var limits = new JsonLimits(limit, options.Depth);
        if (JsonText.TryParseObject(bytes, reading, limits, out var body, out var error)) return (body, null);

        var code = error.IsNotJson ? MatrixError.NotJson : MatrixError.BadJson;
        return (null, Answer.Error(400, code, $"The body cannot be read: {error}."));
    }

    /// <summary>
    /// The response to the web server's errors during a body: it is too slow, its framing is broken, or its end is
    /// missing.
    /// </summary>
    private static Answer Unreadable(IOException fault) =>
        fault is BadHttpRequestException { StatusCode: not 400 and var status }
            ? FaultAnswers.Unreadable(status)
            : Answer.Error(400, MatrixError.NotJson, "The body is incomplete.");

    private static Answer TooLarge(int limit) => Answer.TooLarge($"The body exceeds {limit} bytes.");
}
