using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Matrix.Host.Configuration;

namespace Matrix.Host.Listeners;

/// <summary>
/// The certificate of the federation listener. It can be read again while connections use the old one.
/// </summary>
internal sealed class TlsCertificate
{
    private const int MaxFileBytes = 1 << 20;

    private readonly TlsFiles _files;
    private byte[] _seen;
    private volatile SslServerAuthenticationOptions _options;

    private TlsCertificate(TlsFiles files, byte[] seen, SslServerAuthenticationOptions options)
    {
        _files = files;
        _seen = seen;
        _options = options;
    }

    /// <summary>What new connections use.</summary>
    internal SslServerAuthenticationOptions Options => _options;

    /// <summary>Reads the files.</summary>
    /// <exception cref="InvalidDataException">They cannot be used; the message is one line.</exception>
    internal static TlsCertificate Load(TlsFiles files)
    {
        var (certificates, key) = ReadBoth(files);
        return new TlsCertificate(files, DigestOf(certificates + key), Parse(files, certificates, key));
    }

    /// <summary>
    /// Reads the files again. False if they are as they were the last time, readable or not. Otherwise true, and the
    /// problem if the old certificate stays.
    /// </summary>
    internal bool Reload(out string? problem)
    {
        problem = null;
        byte[] seen;
        var (certificates, key) = ("", "");
        try
        {
            (certificates, key) = ReadBoth(_files);
            seen = DigestOf(certificates + key);
        }
        catch (InvalidDataException fault)
        {
            seen = DigestOf(problem = fault.Message);
        }

        if (seen.AsSpan().SequenceEqual(_seen)) return false;

        _seen = seen;
        if (problem is not null) return true;
        try
        {
            _options = Parse(_files, certificates, key);
        }
        catch (InvalidDataException fault)
        {
            problem = fault.Message;
        }

        return true;
    }

    // The contents are compared, because a renewed file may be a link to another one, with any time.
    private static byte[] DigestOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private static (string Certificates, string Key) ReadBoth(TlsFiles files) =>
        (Read("tls.certificate", files.Certificate), Read("tls.key", files.Key));

    private static string Read(string setting, string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return stream.Length <= MaxFileBytes
                ? new StreamReader(stream).ReadToEnd()
                : throw new InvalidDataException($"{setting}: {file} has more than {MaxFileBytes} bytes");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{setting}: {file} cannot be read: {fault.Message}", fault);
        }
    }

    private static SslServerAuthenticationOptions Parse(TlsFiles files, string certificates, string key)
    {
        try
        {
            var own = X509Certificate2.CreateFromPem(certificates, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificates);
            chain.RemoveAt(0);
            return new SslServerAuthenticationOptions
            {
                // Offline: nothing is fetched for the chain.
                ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
                ApplicationProtocols = [SslApplicationProtocol.Http11],
            };
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException(
                $"tls.certificate: {files.Certificate} with the key {files.Key} cannot be used: {fault.Message}",
                fault);
        }
    }
}
