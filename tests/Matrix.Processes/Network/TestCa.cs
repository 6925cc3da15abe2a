using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Processes.Network;

/// <summary>A certificate authority of one test run: a root, and an intermediate that issues for servers.</summary>
public sealed class TestCa : IServerAuthority, IDisposable
{
    private static readonly DateTimeOffset _from = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset _until = DateTimeOffset.UtcNow.AddDays(2);

    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _intermediate;

    public TestCa()
    {
        Folder = Directory.CreateTempSubdirectory("matrix-ca-").FullName;
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _root = Authority("CN=Test root", rootKey).CreateSelfSigned(_from, _until);

        using var intermediateKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Authority("CN=Test intermediate", intermediateKey).Create(_root, _from, _until, Serial());
        _intermediate = issued.CopyWithPrivateKey(intermediateKey);

        RootFile = Path.Combine(Folder, "root.pem");
        File.WriteAllText(RootFile, _root.ExportCertificatePem());
    }

    /// <summary>The one that all servers of the tests trust.</summary>
    public static TestCa Shared { get; } = new();

    /// <inheritdoc/>
    public string RootFile { get; }

    private string Folder { get; }

    /// <inheritdoc/>
    public (string Certificate, string Key) Issue(string host) => Issue(host, file: null);

    /// <summary>
    /// Writes a certificate for a host, an IP address or a DNS name, with its chain, and its key. Returns the files.
    /// </summary>
    public (string Certificate, string Key) Issue(string host, string? file)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address)) names.AddIpAddress(address);
        else names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.Create(_intermediate, _from, _until, Serial());

        file ??= Path.Combine(Folder, $"{Guid.NewGuid():N}");
        File.WriteAllText(
            file + ".pem", certificate.ExportCertificatePem() + "\n" + _intermediate.ExportCertificatePem() + "\n");
        File.WriteAllText(file + ".key", key.ExportPkcs8PrivateKeyPem() + "\n");
        return (file + ".pem", file + ".key");
    }

    /// <summary>A client that trusts the root only: a server must send the intermediate.</summary>
    public HttpClient Client(Action<X509Certificate2>? seen = null)
    {
        var tls = Trusting(host: null);
        if (seen is not null)
        {
            tls.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                seen((X509Certificate2)certificate!);
                return errors == SslPolicyErrors.None;
            };
        }

        return new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            SslOptions = tls,
        });
    }

    /// <summary>The options of a connection that trusts the root only.</summary>
    public SslClientAuthenticationOptions Trusting(string? host)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(_root);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy, TargetHost = host };
    }

    public void Dispose()
    {
        _root.Dispose();
        _intermediate.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request;
    }

    private static byte[] Serial() => RandomNumberGenerator.GetBytes(8);
}
