using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Host.Configuration;

/// <summary>The PEM files of a certificate chain and its private key.</summary>
internal sealed record TlsFiles(string Certificate, string Key)
{
    /// <summary>
    /// Why the files cannot be used together; null if they can, or if one cannot be read, which may be another user's.
    /// </summary>
    internal string? Mistake()
    {
        try
        {
            using var both = X509Certificate2.CreateFromPemFile(Certificate, Key);
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            return fault.Message;
        }
    }
}
