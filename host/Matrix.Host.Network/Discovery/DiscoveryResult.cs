using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Matrix.Host.Network.Discovery;

/// <summary>Finds where requests to a server go. v1.19 server-server-api#resolving-server-names</summary>
public interface IServerDiscovery
{
    /// <summary>Resolves a server name. Never throws for what another server or a name server does.</summary>
    ValueTask<DiscoveryResult> FindAsync(string serverName, CancellationToken stop);
}

/// <summary>
/// Where requests to a server go, and what the certificate and the Host header must say.
/// v1.19 server-server-api#resolving-server-names
/// </summary>
/// <param name="EndPoints">Where to connect, in the order to try; at least one.</param>
/// <param name="HostHeader">The <c>Host</c> header.</param>
/// <param name="CertificateName">The name or address of the certificate; an IPv6 address without brackets.</param>
/// <param name="CertificateIsForAddress">Whether it is an address: then TLS sends no server name (SNI).</param>
public sealed record ServerAddress(
    IReadOnlyList<IPEndPoint> EndPoints, string HostHeader, string CertificateName, bool CertificateIsForAddress);

/// <summary>Why a server was not found.</summary>
public enum DiscoveryFailureKind
{
    /// <summary>It is not the name of a server.</summary>
    InvalidName,

    /// <summary>The name has no address.</summary>
    NotFound,

    /// <summary>Its SRV records say that it has no such service, or have only targets that are aliases.</summary>
    NoService,

    /// <summary>The name servers gave no answer. A later attempt may succeed.</summary>
    LookupFailed,

    /// <summary>All of its addresses are private ones that the configuration does not allow.</summary>
    AddressRefused,

    /// <summary>The resolution took too long. A later attempt may succeed.</summary>
    TimedOut,

    /// <summary>Too many names are being resolved. A later attempt may succeed.</summary>
    Busy,
}

/// <summary>An address, or the reason why there is none.</summary>
public sealed record DiscoveryResult
{
    private DiscoveryResult(ServerAddress? address, DiscoveryFailureKind kind, string? failure)
    {
        Address = address;
        Kind = kind;
        Failure = failure;
    }

    /// <summary>Whether the server was found.</summary>
    [MemberNotNullWhen(true, nameof(Address))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool IsFound => Address is not null;

    /// <summary>The address; null if the server was not found.</summary>
    public ServerAddress? Address { get; }

    /// <summary>The kind of the failure, if the server was not found.</summary>
    public DiscoveryFailureKind Kind { get; }

    /// <summary>The reason in words; null if the server was found.</summary>
    public string? Failure { get; }

    /// <summary>The server was found.</summary>
    public static DiscoveryResult Found(ServerAddress address) => new(address, default, null);

    /// <summary>The name has no address.</summary>
    public static DiscoveryResult NotFound(string reason) => Failed(DiscoveryFailureKind.NotFound, reason);

    /// <summary>The server was not found.</summary>
    public static DiscoveryResult Failed(DiscoveryFailureKind kind, string reason) => new(null, kind, reason);
}
