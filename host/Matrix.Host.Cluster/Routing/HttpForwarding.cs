using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Flushes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Forwards requests by HTTP/1.1 over mutual TLS.</summary>
internal sealed class HttpForwarding : IDisposable
{
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
    private readonly HttpMessageInvoker _client;
    private readonly Transformer _transformer;

    internal HttpForwarding(
        ClusterNode node, ClusterNodeOptions options, AppliedPositions positions, IHttpForwarder forwarder)
    {
        (_node, _forwarder) = (node, forwarder);
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

    /// <summary>Sends a request once. Its body is kept until the owner has answered.</summary>
    internal async ValueTask<ForwardAttempt> TryAsync(
        HttpContext http, NodeIncarnation to, ForwardedRequest told, CancellationToken stop)
    {
        // What is longer than a brief body is kept in a file.
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false)
            http.Request.EnableBuffering(BriefBodies.Most);

        http.Items[Transformer.Told] = told;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _node.Members.LifeOf(to));
        var error = await _forwarder.SendAsync(http, $"https://{to.Node}", _client, _bounds, _transformer, ends.Token);
        if (http.Items.Remove(Transformer.WrongNodeAt, out var at))
        {
            http.Response.Clear();
            return ForwardAttempt.WrongNode((long)at!);
        }

        if (error == ForwarderError.None || http.Response.HasStarted) return ForwardAttempt.Answered;
        http.Response.Clear();
        stop.ThrowIfCancellationRequested();
        if (IsNotSent(http)) _node.Suspect(to);
        else if (!MayRepeat(http.Request.Method)) return ForwardAttempt.Unknown;
        return ForwardAttempt.Unreachable;
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

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
            if ((int?)proxyResponse?.StatusCode != RequestForwarding.WrongNode)
            {
                // This node sets its own headers only for its own answers.
                httpContext.Response.Headers.Clear();
                return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            }

            proxyResponse!.Headers.TryGetValues(ForwardedRequest.PositionHeader, out var values);
            httpContext.Items[WrongNodeAt] = ForwardedRequest.PositionIn(values?.First()) ?? positions.Position;
            return false;
        }

        private static void Set(HttpRequestHeaders headers, string name, string value)
        {
            headers.Remove(name);
            headers.TryAddWithoutValidation(name, value);
        }
    }
}
