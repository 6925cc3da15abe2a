using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Processes.Network;

/// <summary>An authority that signs certificates of nodes.</summary>
public sealed class NodeAuthority : IDisposable
{
    private static readonly DateTimeOffset _from = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset _until = DateTimeOffset.UtcNow.AddDays(1);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    /// <summary>Makes one, with a folder of its own.</summary>
    public NodeAuthority()
    {
        Folder = Directory.CreateTempSubdirectory("matrix-nodes-").FullName;
        var request = new CertificateRequest("CN=Nodes", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _certificate = request.CreateSelfSigned(_from, _until);
        File.WriteAllText(RootFile, _certificate.ExportCertificatePem());
    }

    /// <summary>The folder of its files.</summary>
    public string Folder { get; }

    /// <summary>A file with its certificate.</summary>
    public string RootFile => Path.Combine(Folder, "authority.pem");

    /// <summary>Writes the certificate of a node and its key, and returns the files.</summary>
    public (string Certificate, string Key) Issue(string node)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={node}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(node);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var certificate = request.Create(_certificate, _from, _until, RandomNumberGenerator.GetBytes(8));
        var file = Path.Combine(Folder, $"{node}-{Guid.NewGuid():N}");
        File.WriteAllText(file + ".pem", certificate.ExportCertificatePem());
        File.WriteAllText(file + ".key", key.ExportPkcs8PrivateKeyPem());
        return (file + ".pem", file + ".key");
    }

    /// <summary>A certificate with its key, for a connection that a test makes.</summary>
    public X509Certificate2 Certificate(string node)
    {
        var (certificate, key) = Issue(node);
        return X509Certificate2.CreateFromPemFile(certificate, key);
    }

    /// <summary>Deletes its files.</summary>
    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
