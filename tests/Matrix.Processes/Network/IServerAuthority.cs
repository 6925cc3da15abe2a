namespace Matrix.Processes.Network;

/// <summary>An authority that signs the certificates of servers.</summary>
public interface IServerAuthority
{
    /// <summary>A file with its own certificate, for `federation.custom_ca`.</summary>
    string RootFile { get; }

    /// <summary>Writes a certificate for a host, an IP address or a DNS name, and its key. Returns the files.</summary>
    (string Certificate, string Key) Issue(string host);
}
