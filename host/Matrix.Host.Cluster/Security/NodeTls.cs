using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Hosting;

namespace Matrix.Host.Cluster.Security;

/// <summary>
/// Mutual TLS between nodes. Both sides show a certificate of the authority. Whoever connects asks for the name of the
/// node that it means; whoever is connected to asks for the name of some node of the cluster. Nothing is sent before.
/// </summary>
internal static class NodeTls
{
    public static void Use(ISiloBuilder silo, NodeCertificate certificate) => silo
        .UseTls(tls =>
        {
            tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.LocalServerCertificateSelector = (_, _) => certificate.Own;
            tls.LocalClientCertificateSelector = (_, _, _, _, _) => certificate.Own;

            // Names are looked at after the handshake, where it is known which node is meant.
            tls.RemoteCertificateValidation = static (_, _, errors) =>
                (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;
            tls.OnAuthenticateAsServer = (_, options) =>
                ((SslServerAuthenticationOptions)options.SslServerAuthenticationOptions).CertificateChainPolicy =
                    PolicyOf(certificate);
            tls.OnAuthenticateAsClient = (_, options) =>
                ((SslClientAuthenticationOptions)options.SslClientAuthenticationOptions).CertificateChainPolicy =
                    PolicyOf(certificate);
        })
        .Configure<SiloConnectionOptions>(static connections =>
        {
            connections.ConfigureSiloInboundConnection(static builder => Check(
                builder, static (names, certificate, _) => names.AreOfAnyAsync(certificate)));
            connections.ConfigureSiloOutboundConnection(static builder => Check(
                builder, static (names, certificate, to) => names.AreOfAsync(certificate, to)));
        });

    /// <summary>Only the authority counts, and nothing is fetched.</summary>
    internal static X509ChainPolicy PolicyOf(NodeCertificate certificate)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(certificate.Authorities);
        return policy;
    }

    private static void Check(
        IConnectionBuilder builder, Func<NodeNames, X509Certificate2, EndPoint?, ValueTask<bool>> isAllowed)
    {
        var names = builder.ApplicationServices.GetRequiredService<NodeNames>();
        builder.Use(next => async connection =>
        {
            var certificate = connection.Features.Get<ITlsConnectionFeature>()?.RemoteCertificate;
            if (certificate is null || !await isAllowed(names, certificate, connection.RemoteEndPoint))
            {
                names.Refused(connection.RemoteEndPoint, certificate);
                connection.Abort();
                return;
            }

            await next(connection);
        });
    }
}
