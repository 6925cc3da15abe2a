using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Security;
using Matrix.Host.Cluster.Shards;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Matrix.Host.Cluster.Routing;

/// <summary>How forwarding a request ended.</summary>
public enum ForwardOutcome
{
    /// <summary>It is this node's: it is answered here.</summary>
    Here,

    /// <summary>Another node answered, and the answer was sent to the client.</summary>
    Sent,

    /// <summary>Nobody has the shard, or its owner could not be reached. Nothing was sent.</summary>
    NoOwner,
}

/// <summary>
/// Forwards requests to the node that has the shard of what they are about. That node answers with 421 and the position
/// of the change if it does not have it any more: this one reads the flushes up to there, and asks again.
/// </summary>
public sealed class RequestForwarding : IDisposable
{
    /// <summary>The status of a node that does not have the shard.</summary>
    internal const int WrongNode = StatusCodes.Status421MisdirectedRequest;

    /// <summary>Bytes of a body that are kept in memory until the owner has answered; more are in a file.</summary>
    private const int BufferedInMemory = 64 * 1024;

    /// <summary>Before a node is asked again that did not have the shard, or not yet.</summary>
    private static readonly TimeSpan _asksAgain = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan _tryAgain = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan _longestConnect = TimeSpan.FromSeconds(3);

    /// <summary>How long the owner may be silent: joins wait for other servers.</summary>
    private static readonly ForwarderRequestConfig _bounds = new()
    {
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = TimeSpan.FromMinutes(5),
        AllowResponseBuffering = true,
    };

    private readonly ClusterNode _node;
    private readonly IHttpForwarder _forwarder;
    private readonly AppliedPositions _positions;
    private readonly ShardGates _gates;
    private readonly ShardFinder _finder;
    private readonly TimeSpan _longestMove;
    private readonly ClusterMetrics _metrics;
    private readonly HttpMessageInvoker _client;
    private readonly Transformer _transformer;

    /// <summary>Makes the client; it connects when it is used.</summary>
    public RequestForwarding(
        ClusterNode node,
        ClusterNodeOptions options,
        ShardOwners owners,
        ShardGates gates,
        AppliedPositions positions,
        ClusterMetrics metrics,
        IHttpForwarder forwarder)
    {
        (_node, _forwarder, _positions, _gates, _metrics) = (node, forwarder, positions, gates, metrics);
        _finder = new ShardFinder(node, options, owners, gates, metrics);
        _longestMove = options.MoveTime;
        _transformer = new Transformer(positions);
#pragma warning disable CA2000 // The invoker disposes the handler.
        _client = new HttpMessageInvoker(new SocketsHttpHandler
#pragma warning restore CA2000
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = _longestConnect,
            MaxConnectionsPerServer = options.MaxConnections,
            SslOptions = node.Tls.Connecting(),
            ConnectCallback = ConnectAsync,
        });
    }

    /// <summary>Forwards a request if the shard of what it is about is another node's.</summary>
    /// <param name="http">The request; nothing was sent to the client yet.</param>
    /// <param name="owner">What it is about.</param>
    /// <param name="listener">The listener that accepted it.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="isBrief">Whether its response is small and comes soon, and it may be carried out twice.</param>
    /// <param name="stop">Ends it.</param>
    public async ValueTask<ForwardOutcome> ForwardAsync(
        HttpContext http, Authority owner, string listener, string address, bool isBrief, CancellationToken stop)
    {
        if (http.Features.Get<ForwardedRequest>() is not null)
        {
            if (_gates.IsOpen(owner)) return ForwardOutcome.Here;

            // The other node waits, and finds out who has it.
            Refuse(http.Response);
            return ForwardOutcome.Sent;
        }

        var brief = isBrief ? await BriefBodies.ReadAsync(http, stop) : null;
        var outcome = await TryForwardAsync(http, owner, listener, address, brief, stop);
        _metrics.Forwarded(outcome);
        return outcome;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async ValueTask<ForwardOutcome> TryForwardAsync(
        HttpContext http, Authority owner, string listener, string address, byte[]? brief, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        while (await _finder.FindAsync(owner, stop) is { } to)
        {
            // An attempt before may have read it.
            if (http.Request.Body.CanSeek) http.Request.Body.Position = 0;
            if (to.Equals(_node.Self)) return ForwardOutcome.Here;
            var told = new ForwardedRequest(
                listener, address, http.Request.Scheme, http.Request.Headers.Host.ToString(), _positions.Position);
            if (brief is not null)
            {
                var answer = await _node.Calls.CallAsync(
                    to, BriefRequestHandler.Number, BriefRequest.Write(http, told, brief), stop);
                if (answer.IsAnswered && BriefResponse.TryRead(answer.Body) is { } response)
                {
                    if (response.WrongNodeAt is not { } read)
                    {
                        await response.SendAsync(http.Response, stop);
                        return ForwardOutcome.Sent;
                    }

                    if (!await AsksAgainAsync(since, read, stop)) break;
                }
                else if (answer.Outcome == CallOutcome.Refused)
                {
                    brief = null;
                }
                else
                {
                    _node.Suspect(to);
                    if (Stopwatch.GetElapsedTime(since) > _longestMove) break;
                    await Task.Delay(_tryAgain, stop);
                }

                continue;
            }

            if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false)
            {
                http.Request.EnableBuffering(BufferedInMemory);
            }

            http.Items[Transformer.Told] = told;
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _node.Members.LifeOf(to));
            var error = await _forwarder.SendAsync(
                http, $"https://{to.Node}", _client, _bounds, _transformer, ends.Token);
            if (http.Items.Remove(Transformer.WrongNodeAt, out var at))
            {
                http.Response.Clear();
                if (!await AsksAgainAsync(since, (long)at!, stop)) break;
                continue;
            }

            if (error == ForwarderError.None || http.Response.HasStarted) return ForwardOutcome.Sent;
            http.Response.Clear();
            stop.ThrowIfCancellationRequested();
            if (IsNotSent(http)) _node.Suspect(to);

            // What was not sent, or may be done twice, is tried again until others have what an ended node had.
            if (!(IsNotSent(http) || MayRepeat(http.Request.Method))
                || Stopwatch.GetElapsedTime(since) > _longestMove)
            {
                break;
            }

            await Task.Delay(_tryAgain, stop);
        }

        return ForwardOutcome.NoOwner;
    }

    /// <summary>Reads what a node had read that does not have the shard. False if it was looked for too long.</summary>
    private async ValueTask<bool> AsksAgainAsync(long since, long position, CancellationToken stop)
    {
        await _positions.ReachAsync(position, AppliedPositions.LongestWait, stop);
        if (Stopwatch.GetElapsedTime(since) > _longestMove) return false;
        await Task.Delay(_asksAgain, stop);
        return true;
    }

    /// <summary>
    /// Tells the node that forwarded a request that this one does not have the shard, and how far it has read.
    /// </summary>
    private void Refuse(HttpResponse response)
    {
        response.StatusCode = WrongNode;
        response.Headers[ForwardedRequest.PositionHeader] = _positions.Position.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Whether a request may be carried out twice: a PUT has a transaction id, or sets a value.</summary>
    private static bool MayRepeat(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsPut(method)
        || HttpMethods.IsDelete(method);

    /// <summary>Whether no connection could be made, so that the owner has not seen the request.</summary>
    private static bool IsNotSent(HttpContext http) =>
        http.Features.Get<IForwarderErrorFeature>()?.Exception is HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError,
        };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var name = context.DnsEndPoint.Host;
        var to = _node.Members.Others.FirstOrDefault(
            one => string.Equals(one.Node, name, StringComparison.OrdinalIgnoreCase));
        if (to is null || _node.Members.RequestsOf(to) is not { } at)
        {
            throw new IOException($"The node {name} does not say where it takes requests.");
        }

        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(at, stop);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends the request as it came, and says where it came from.</summary>
    private sealed class Transformer(AppliedPositions positions) : HttpTransformer
    {
        internal static readonly object Told = new();
        internal static readonly object WrongNodeAt = new();

        public override async ValueTask TransformRequestAsync(
            HttpContext httpContext,
            HttpRequestMessage proxyRequest,
            string destinationPrefix,
            CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var target = httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            proxyRequest.RequestUri = new Uri(
                destinationPrefix + target,
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            var told = (ForwardedRequest)httpContext.Items[Told]!;
            Set(proxyRequest.Headers, ForwardedRequest.ListenerHeader, told.Listener);
            Set(proxyRequest.Headers, ForwardedRequest.AddressHeader, told.Address);
            Set(proxyRequest.Headers, ForwardedRequest.SchemeHeader, told.Scheme);

            // The host of the connection is the node, whose certificate has this name.
            proxyRequest.Headers.Host = null;
            Set(proxyRequest.Headers, ForwardedRequest.HostHeader, told.Host);
            Set(
                proxyRequest.Headers,
                ForwardedRequest.PositionHeader,
                told.Position.ToString(CultureInfo.InvariantCulture));
        }

        public override async ValueTask<bool> TransformResponseAsync(
            HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if ((int?)proxyResponse?.StatusCode != WrongNode)
            {
                // This node sets its own headers only for its own answers.
                httpContext.Response.Headers.Clear();
                return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            }

            var position = proxyResponse!.Headers.TryGetValues(ForwardedRequest.PositionHeader, out var values)
                && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var at)
                    ? at
                    : positions.Position;
            httpContext.Items[WrongNodeAt] = position;
            return false;
        }

        private static void Set(HttpRequestHeaders headers, string name, string value)
        {
            headers.Remove(name);
            headers.TryAddWithoutValidation(name, value);
        }
    }
}
