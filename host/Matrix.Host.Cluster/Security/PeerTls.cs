using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Matrix.Host.Cluster.Security;

/// <summary>
/// Mutual TLS for requests that nodes forward to one another, with the certificates of the calls between them.
/// </summary>
internal sealed class PeerTls(NodeCertificate certificate, NodeNames names)
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private static readonly TimeSpan _longestHandshake = TimeSpan.FromSeconds(5);

    /// <summary>Serves nodes of the cluster only.</summary>
    public void Listen(ListenOptions listen)
    {
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificate = certificate.Own,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, shown, _, _) => IsSigned(shown, ClientUse),
            }),
            HandshakeTimeout = _longestHandshake,
        });
        listen.Use(next => async connection =>
        {
            var shown = connection.Features.Get<ITlsConnectionFeature>() is { } tls
                ? await tls.GetClientCertificateAsync(connection.ConnectionClosed)
                : null;
            if (shown is not null && await names.AreOfAnyAsync(shown)) await next(connection);
            else names.Refused(connection.RemoteEndPoint, shown);
        });
    }

    /// <summary>The options of a connection to a node: its host is the node's name.</summary>
    public SslClientAuthenticationOptions Connecting() => new()
    {
        LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate.Own,
        RemoteCertificateValidationCallback = (stream, shown, _, _) =>
            IsSigned(shown, ServerUse)
            && NodeCertificate.IsOf((X509Certificate2)shown!, ((SslStream)stream).TargetHostName),
    };

    /// <summary>Whether the authority signed a certificate for this use. Nothing is fetched.</summary>
    private bool IsSigned(X509Certificate? shown, string use)
    {
        if (shown is not X509Certificate2 own) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy = NodeTls.PolicyOf(certificate);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(use));
        return chain.Build(own);
    }
}
