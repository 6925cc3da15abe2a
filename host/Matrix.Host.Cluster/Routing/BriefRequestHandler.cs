using Matrix.Host.Cluster.Calls;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Answers the requests that other nodes forward by calls, without a web server.</summary>
internal sealed class BriefRequestHandler(IForwardedRequestHandler requests) : ICallHandler
{
    /// <summary>The number of these calls. Those between shards have others.</summary>
    internal const int Number = 64;

    public int Kind => Number;

    public async ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (BriefRequest.TryRead(body) is not { } asked) return null;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var response = new MemoryStream();
        var http = new DefaultHttpContext(FeaturesOf(asked, response, ended));
        await requests.AnswerAsync(http, asked.Told);
        await http.Response.CompleteAsync();

        // An aborted request has no response: the node that asked repeats it in another way.
        return ended.IsCancellationRequested
            ? (ReadOnlyMemory<byte>?)null
            : BriefResponse.Write(http.Response, response.GetBuffer().AsSpan(0, (int)response.Length));
    }

    private static FeatureCollection FeaturesOf(
        BriefRequest asked, MemoryStream response, CancellationTokenSource ended)
    {
        var request = new HttpRequestFeature
        {
            Method = asked.Method,
            RawTarget = asked.Target,
            Protocol = HttpProtocol.Http11,
            Body = asked.Body.IsEmpty ? Stream.Null : new MemoryStream(asked.Body.ToArray(), writable: false),
        };
        foreach (var (name, value) in asked.Headers) request.Headers.Append(name, value);
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpRequestBodyDetectionFeature>(new BodyDetection(!asked.Body.IsEmpty));
        features.Set<IHttpRequestLifetimeFeature>(new Lifetime(ended));
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(response));
        return features;
    }

    private sealed class BodyDetection(bool canHaveBody) : IHttpRequestBodyDetectionFeature
    {
        public bool CanHaveBody => canHaveBody;
    }

    private sealed class Lifetime(CancellationTokenSource ended) : IHttpRequestLifetimeFeature
    {
        public CancellationToken RequestAborted { get; set; } = ended.Token;

        public void Abort() => ended.Cancel();
    }
}
