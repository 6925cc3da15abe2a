using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Import.Tests.Configuration;

/// <summary>Certificates that nobody trusts.</summary>
internal static class Certificates
{
    internal static (string Certificate, string Key) Make(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        return (certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
