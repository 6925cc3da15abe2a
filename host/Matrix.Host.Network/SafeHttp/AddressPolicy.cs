using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Decides to which addresses the server may connect on behalf of others: public unicast addresses, and the networks
/// of <see cref="NetworkOptions.AllowNetworks"/>. It must be asked about the address of each connection, because a
/// name may have another address by then.
/// </summary>
public sealed class AddressPolicy(NetworkOptions options)
{
    /// <summary>
    /// IPv4 networks that are not public. IANA IPv4 Special-Purpose Address Registry; 224/4 and above: multicast,
    /// reserved, broadcast.
    /// </summary>
    private static readonly IPNetwork[] _special4 = Networks(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3");

    /// <summary>The IPv6 networks that IANA has allocated for global unicast.</summary>
    private static readonly IPNetwork _global6 = IPNetwork.Parse("2000::/3");

    /// <summary>Networks within 2000::/3 that are not public. IANA IPv6 Special-Purpose Address Registry.</summary>
    private static readonly IPNetwork[] _special6 = Networks(
        "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20");

    private static readonly IPNetwork _teredo = IPNetwork.Parse("2001::/32");
    private static readonly IPNetwork _sixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork _nat64 = IPNetwork.Parse("64:ff9b::/96");

    private readonly IPNetwork[] _allowed = [.. options.AllowNetworks];

    /// <summary>Whether the server may connect to this address.</summary>
    public bool Allows(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return IsListed(address) || Allows(address.MapToIPv4());
        return IsListed(address) || IsPublic(address);
    }

    private bool IsListed(IPAddress address)
    {
        foreach (var network in _allowed)
        {
            if (network.Contains(address)) return true;
        }

        return false;
    }

    private static bool IsPublic(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => !IsIn(_special4, address),
        AddressFamily.InterNetworkV6 => IsPublic6(address),
        _ => false,
    };

    /// <summary>
    /// Addresses that stand for IPv4 addresses are as public as those: gateways would connect to them.
    /// </summary>
    private static bool IsPublic6(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);

        if (_sixToFour.Contains(address)) return IsPublic(Embedded(bytes[2..]));
        if (_nat64.Contains(address)) return IsPublic(Embedded(bytes[12..]));

        // RFC 4380, section 4: the Teredo server, and the client with all bits inverted.
        if (_teredo.Contains(address))
        {
            return IsPublic(Embedded(bytes[4..])) && IsPublic(Embedded(bytes[12..], ~0u));
        }

        return _global6.Contains(address) && !IsIn(_special6, address);
    }

    private static IPAddress Embedded(ReadOnlySpan<byte> bytes, uint mask = 0)
    {
        Span<byte> four = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(four, BinaryPrimitives.ReadUInt32BigEndian(bytes) ^ mask);
        return new IPAddress(four);
    }

    private static bool IsIn(IPNetwork[] networks, IPAddress address)
    {
        foreach (var network in networks)
        {
            if (network.Contains(address)) return true;
        }

        return false;
    }

    private static IPNetwork[] Networks(params string[] networks) => Array.ConvertAll(networks, IPNetwork.Parse);
}
