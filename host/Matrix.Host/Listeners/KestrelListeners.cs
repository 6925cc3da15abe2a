using Matrix.Host.Api.Http;
using Matrix.Host.Cluster;
using Matrix.Host.Configuration;
using Matrix.Host.Parts;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Matrix.Host.Listeners;

/// <summary>Opens the listeners of the configuration, within its bounds of connections.</summary>
internal static class KestrelListeners
{
    /// <summary>The bytes of a connection that are read ahead of a request.</summary>
    private const int ReadAhead = 128 * 1024;

    /// <summary>The time before a body must arrive, or a response be read, at its least rate.</summary>
    private static readonly TimeSpan _graceTime = TimeSpan.FromSeconds(10);

    /// <summary>Adds the listeners: client, federation, admin, metrics, nodes, control, those that there are.
    /// </summary>
    /// <param name="certificate">The certificate of the federation listener; null for plain HTTP.</param>
    /// <param name="control">The file of the control socket; null for none.</param>
    internal static void Open(
        KestrelServerOptions kestrel, HomeserverConfig config, TlsCertificate? certificate, string? control)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = config.Connections.Most;
        kestrel.Limits.MaxRequestHeaderCount = config.Connections.Headers;
        kestrel.Limits.MaxRequestHeadersTotalSize = config.Connections.HeaderBytes;
        kestrel.Limits.MaxRequestLineSize = config.Connections.RequestLineBytes;
        kestrel.Limits.RequestHeadersTimeout = config.Connections.HeaderTime;
        // What arrives before a body is read is not counted.
        kestrel.Limits.MaxRequestBufferSize = Math.Max(
            ReadAhead, Math.Max(config.Connections.HeaderBytes, config.Connections.RequestLineBytes));
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(config.Http.ClientRate, _graceTime);
        kestrel.Limits.MinResponseDataRate = new MinDataRate(config.Http.ClientRate, _graceTime);

        // Each route has its own limit. This one ends bodies that continue after a refusal.
        kestrel.Limits.MaxRequestBodySize = Math.Max(
            config.Http.LargeBody, Math.Max(config.Http.EventBody, config.Http.Body)) + 1L;

        if (config.ClientListener is { } clients) kestrel.Listen(clients);
        if (config.FederationListener is { } servers)
        {
            kestrel.Listen(servers, listen => OpenFederation(listen, config.Connections, certificate));
        }

        if (config.AdminListener is { } admins) kestrel.Listen(admins, listen => Mark(listen, Listener.Admin));
        if (config.MetricsListener is { } metrics) kestrel.Listen(metrics, listen => Mark(listen, Listener.Metrics));
        if (config.Storage.ServesTogether && config.Cluster.Requests is { } nodes)
        {
            kestrel.Listen(nodes, listen => OpenNodes(listen, kestrel.ApplicationServices.Get<ClusterNode>()));
        }

        if (control is not null) kestrel.ListenUnixSocket(control, listen => Mark(listen, Listener.Control));
    }

    private static void OpenFederation(ListenOptions listen, ConnectionLimits limits, TlsCertificate? certificate)
    {
        // As for clients: a request of HTTP/2 would have bounds of its own.
        listen.Protocols = HttpProtocols.Http1;
        Limit(listen, limits.Federation);
        Mark(listen, Listener.Federation);
        if (certificate is null) return;

        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(certificate.Options),
            HandshakeTimeout = limits.HeaderTime,
        });
    }

    /// <summary>What other nodes forward. Their certificates are looked at before anything is read.</summary>
    private static void OpenNodes(ListenOptions listen, ClusterNode node)
    {
        listen.Protocols = HttpProtocols.Http1;
        node.Listen(listen);
        Mark(listen, Listener.Nodes);
    }

    private static void Mark(ListenOptions listen, Listener listener)
    {
        var mark = new AcceptedBy(listener);
        listen.Use(next => connection =>
        {
            connection.Features.Set(mark);
            return next(connection);
        });
    }

    private static void Limit(ListenOptions listen, int most)
    {
        var open = 0;
        listen.Use(next => async connection =>
        {
            try
            {
                if (Interlocked.Increment(ref open) <= most) await next(connection);
                else connection.Abort(new ConnectionAbortedException("There are too many connections of servers."));
            }
            finally
            {
                Interlocked.Decrement(ref open);
            }
        });
    }
}
