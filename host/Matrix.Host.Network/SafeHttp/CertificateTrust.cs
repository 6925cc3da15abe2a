using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Decides which certificates are valid: by the system's authorities, or by those of `federation.custom_ca`.
/// Server-Server API, "TLS".
/// </summary>
public sealed class CertificateTrust
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly X509Certificate2Collection _own = [];

    /// <summary>Reads the operator's authorities.</summary>
    /// <exception cref="InvalidDataException">The file has no certificates.</exception>
    public CertificateTrust(NetworkOptions options)
    {
        if (options.CustomCa.Length > 0) _own = Read(options.CustomCa);
    }

    /// <summary>The certificates of a file (PEM).</summary>
    /// <exception cref="InvalidDataException">The file has none.</exception>
    public static X509Certificate2Collection Read(string path)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(path);
        }
        catch (CryptographicException fault)
        {
            throw new InvalidDataException($"{path}: {fault.Message}", fault);
        }

        return certificates.Count > 0
            ? certificates
            : throw new InvalidDataException($"{path}: expected certificates (PEM).");
    }

    /// <summary>How to authenticate a server with this name or address.</summary>
    internal SslClientAuthenticationOptions OptionsFor(string certificateName) => new()
    {
        // An address is compared with the certificate too, but not sent as SNI.
        TargetHost = certificateName,
        CertificateChainPolicy = Policy(),
        RemoteCertificateValidationCallback = IsValid,
    };

    // A certificate may name URLs of its issuer and of revocation lists. Fetching them would let a server direct
    // requests of ours anywhere.
    private static X509ChainPolicy Policy() => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    private bool IsValid(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors
            || _own.Count == 0
            || certificate is not X509Certificate2 leaf)
        {
            return false;
        }

        using var other = new X509Chain { ChainPolicy = Policy() };
        other.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        other.ChainPolicy.CustomTrustStore.AddRange(_own);
        if (chain is not null) other.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        other.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return other.Build(leaf);
    }
}
