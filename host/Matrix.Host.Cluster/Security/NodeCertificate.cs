using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Matrix.Host.Cluster.Security;

/// <summary>
/// The certificate of this node, and the authority that signs those of all nodes. It can be read again while
/// connections use the old one.
/// </summary>
internal sealed class NodeCertificate
{
    private const int MaxFileBytes = 1 << 20;

    private readonly ClusterNodeOptions _options;
    private readonly string _node;
    private string _seen;
    private volatile Pair _pair;

    private NodeCertificate(ClusterNodeOptions options, string node, string seen, Pair pair) =>
        (_options, _node, _seen, _pair) = (options, node, seen, pair);

    /// <summary>The certificate with its key, for new connections.</summary>
    public X509Certificate2 Own => _pair.Own;

    /// <summary>The authority, and certificates between it and nodes.</summary>
    public X509Certificate2Collection Authorities => _pair.Authorities;

    /// <summary>Reads the files.</summary>
    /// <exception cref="InvalidDataException">They cannot be used; the message is one line.</exception>
    public static NodeCertificate Load(ClusterNodeOptions options, string node)
    {
        var text = ReadAll(options);
        return new NodeCertificate(options, node, string.Concat(text), Parse(options, node, text));
    }

    /// <summary>Whether a certificate is that of a node. Wildcards and common names do not count.</summary>
    public static bool IsOf(X509Certificate2 certificate, string node) =>
        NamesOf(certificate).Contains(node, StringComparer.OrdinalIgnoreCase);

    /// <summary>The DNS names in a certificate.</summary>
    public static IEnumerable<string> NamesOf(X509Certificate2 certificate) => certificate.Extensions
        .OfType<X509SubjectAlternativeNameExtension>().SelectMany(static names => names.EnumerateDnsNames());

    /// <summary>
    /// Reads the files again. False if they are as they were the last time. Otherwise true, and the problem if the old
    /// certificate stays.
    /// </summary>
    public bool Reload(out string? problem)
    {
        problem = null;
        try
        {
            var text = ReadAll(_options);
            var seen = string.Concat(text);
            if (seen == _seen) return false;
            _pair = Parse(_options, _node, text);
            _seen = seen;
        }
        catch (InvalidDataException fault)
        {
            problem = fault.Message;
            if (_seen == problem) return false;
            _seen = problem;
        }

        return true;
    }

    private static string[] ReadAll(ClusterNodeOptions options) =>
    [
        Read("cluster.certificate", options.Certificate),
        Read("cluster.key", options.Key),
        Read("cluster.authority", options.Authority),
    ];

    private static string Read(string setting, string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return stream.Length <= MaxFileBytes
                ? new StreamReader(stream).ReadToEnd()
                : throw new InvalidDataException($"{setting}: {file} has more than {MaxFileBytes} bytes");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InvalidDataException($"{setting}: {file} cannot be read: {fault.Message}", fault);
        }
    }

    private static Pair Parse(ClusterNodeOptions options, string node, string[] text)
    {
        try
        {
            var own = X509Certificate2.CreateFromPem(text[0], text[1]);
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(text[2]);
            if (authorities.Count == 0)
                throw new InvalidDataException($"cluster.authority: {options.Authority} has no certificate");
            return IsOf(own, node)
                ? new Pair(own, authorities)
                : throw new InvalidDataException(
                    $"cluster.certificate: {options.Certificate} does not have the DNS name {node}");
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException(
                $"cluster.certificate: {options.Certificate} with the key {options.Key} and the authority "
                    + $"{options.Authority} cannot be used: {fault.Message}",
                fault);
        }
    }

    private sealed record Pair(X509Certificate2 Own, X509Certificate2Collection Authorities);
}
