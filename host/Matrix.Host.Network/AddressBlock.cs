using System.Net;
using System.Net.Sockets;

namespace Matrix.Host.Network;

/// <summary>
/// The addresses that count as one where requests are limited by address. A network gives each of its machines a /64 of
/// IPv6, so a limit for one address would be none.
/// </summary>
public static class AddressBlock
{
    private const int KeptBytes = 8;

    /// <summary>The block of an address; of IPv4, and of text that is no address, itself.</summary>
    public static string Of(string address) =>
        address.Contains(':', StringComparison.Ordinal) && IPAddress.TryParse(address, out var parsed)
            ? Of(parsed).ToString()
            : address;

    /// <summary>The same. An IPv4 address that is written as IPv6 is one of IPv4.</summary>
    public static IPAddress Of(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(KeptBytes).Clear();
        return new IPAddress(bytes);
    }
}
