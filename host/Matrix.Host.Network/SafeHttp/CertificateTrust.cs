using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Decides which certificates are valid: by the system's authorities, or by those of `federation.custom_ca`.
/// v1.19 server-server-api#tls, v1.19 server-server-api#response-authentication
/// </summary>
public sealed class CertificateTrust
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>The names of a certificate that an error lists.</summary>
    private const int MostNames = 5;

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

    /// <summary>Authenticates a server with this name or address.</summary>
    /// <exception cref="AuthenticationException">The message says what is wrong with its certificate.</exception>
    internal async ValueTask AuthenticateAsync(SslStream stream, string certificateName, CancellationToken stop)
    {
        string? refusal = null;
        var options = new SslClientAuthenticationOptions
        {
            // An address is compared with the certificate too, but not sent as SNI.
            TargetHost = certificateName,
            CertificateChainPolicy = Policy(),

            // The framework keeps a session for each name that it ever connected to, without a bound.
            AllowTlsResume = false,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                (refusal = RefusalOf(certificate as X509Certificate2, chain, errors, certificateName)) is null,
        };
        try
        {
            await stream.AuthenticateAsClientAsync(options, stop);
        }
        catch (AuthenticationException fault) when (refusal is not null)
        {
            throw new AuthenticationException(refusal, fault);
        }
    }

    // A certificate may name URLs of its issuer and of revocation lists. Fetching them would let a server direct
    // requests of ours anywhere.
    private static X509ChainPolicy Policy() => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    /// <summary>Why a certificate is not valid; null if it is.</summary>
    internal string? RefusalOf(X509Certificate2? leaf, X509Chain? chain, SslPolicyErrors errors, string name)
    {
        if (errors == SslPolicyErrors.None) return null;
        if (leaf is null) return "the server has no certificate";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"the certificate is for {NamesOf(leaf)}, not for {name}";
        }

        if (_own.Count == 0) return RefusalOf(leaf, chain?.ChainStatus ?? []);
        using var other = new X509Chain { ChainPolicy = Policy() };
        other.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        other.ChainPolicy.CustomTrustStore.AddRange(_own);
        if (chain is not null) other.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
        other.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return other.Build(leaf) ? null : RefusalOf(leaf, other.ChainStatus);
    }

    private static string RefusalOf(X509Certificate2 leaf, X509ChainStatus[] found)
    {
        // A signature is not valid if another authority has the name of a trusted one.
        const X509ChainStatusFlags Unknown = X509ChainStatusFlags.PartialChain
            | X509ChainStatusFlags.UntrustedRoot
            | X509ChainStatusFlags.NotSignatureValid;
        var flags = found.Aggregate(X509ChainStatusFlags.NoError, static (all, each) => all | each.Status);
        if (flags.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            return "a certificate of the server's chain is not valid now: the server's own is valid from "
                + $"{DayOf(leaf.NotBefore)} to {DayOf(leaf.NotAfter)}";
        }

        return (flags & Unknown) != 0
            ? "the certificate is of an authority that is not trusted, or the server does not send its intermediate "
                + $"certificates: {leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: true)}"
            : $"the certificate is not valid: {flags}";
    }

    private static string NamesOf(X509Certificate2 leaf)
    {
        try
        {
            var names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(static each => each.EnumerateDnsNames()
                    .Concat(each.EnumerateIPAddresses().Select(static address => address.ToString())))
                .Take(MostNames)
                .ToList();
            return names.Count == 0 ? "no name" : string.Join(", ", names);
        }
        catch (CryptographicException)
        {
            return "names that cannot be read";
        }
    }

    private static string DayOf(DateTime local) =>
        local.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
