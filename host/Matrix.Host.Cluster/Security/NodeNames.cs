using System.Net;
using System.Security.Cryptography.X509Certificates;
using Matrix.Host.Cluster.Membership;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Security;

/// <summary>
/// Compares the names in a certificate with those of the nodes in the table of silos. A certificate of a node that is
/// not in the table, such as one that was given up long ago, opens no connection.
/// </summary>
internal sealed partial class NodeNames(
    IClusterMembershipService membership, SilosTable table, ILogger<NodeNames> log)
{
    /// <summary>Whether they are the names of any node that is not dead.</summary>
    public ValueTask<bool> AreOfAnyAsync(X509Certificate2 certificate) =>
        AreOfAsync(certificate, static (_, _) => true, null);

    /// <summary>Whether they are the names of the node that has this address.</summary>
    public ValueTask<bool> AreOfAsync(X509Certificate2 certificate, EndPoint? address) =>
        AreOfAsync(certificate, static (silo, address) => silo.Endpoint.Equals(Plain(address)), address);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A connection with {Address} was ended: its certificate is not of the node. {Certificate}")]
    private partial void NotOfNode(EndPoint? address, string? certificate);

    public void Refused(EndPoint? address, X509Certificate2? certificate) => NotOfNode(address, certificate?.Subject);

    private async ValueTask<bool> AreOfAsync(
        X509Certificate2 certificate, Func<SiloAddress, EndPoint?, bool> isMeant, EndPoint? address)
    {
        string[] names = [.. NodeCertificate.NamesOf(certificate)];
        if (names.Length == 0) return false;
        foreach (var member in membership.CurrentSnapshot.Members.Values)
        {
            if (isMeant(member.SiloAddress, address) && Is(member.Name, member.Status, names)) return true;
        }

        // One that begins is in the table before it connects.
        foreach (var row in (await table.ReadAsync(CancellationToken.None)).Rows)
        {
            var entry = row.Entry;
            if (isMeant(entry.SiloAddress, address) && Is(entry.SiloName, entry.Status, names)) return true;
        }

        return false;
    }

    private static bool Is(string silo, SiloStatus status, string[] names) =>
        status != SiloStatus.Dead
        && SiloNames.TryParse(silo) is { } node
        && names.Contains(node.Node, StringComparer.OrdinalIgnoreCase);

    private static EndPoint? Plain(EndPoint? address) =>
        address is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped
            ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port)
            : address;
}
