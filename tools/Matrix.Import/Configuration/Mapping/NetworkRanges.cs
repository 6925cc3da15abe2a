using System.Globalization;
using System.Net;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Networks as sets of addresses.</summary>
internal static class NetworkRanges
{
    /// <summary>What Synapse refuses by default; this server refuses it all.</summary>
    internal static IReadOnlyList<IPNetwork> Private { get; } =
    [
        .. ((string[])
        [
            "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24",
            "169.254.0.0/16", "192.88.99.0/24", "198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "::1/128", "fe80::/10", "fc00::/7", "2001:db8::/32", "ff00::/8", "fec0::/10",
        ]).Select(IPNetwork.Parse),
    ];

    /// <summary>What is not public at all, beside that.</summary>
    private static readonly IPNetwork[] _special =
        [.. ((string[])["0.0.0.0/8", "224.0.0.0/3", "::/3", "4000::/2", "8000::/1"]).Select(IPNetwork.Parse)];

    /// <summary>An address or network, as netaddr reads it; null if it is none.</summary>
    internal static IPNetwork? Parse(string text)
    {
        var parts = text.Split('/');
        if (parts.Length > 2 || !IPAddress.TryParse(parts[0], out var address)) return null;
        var bytes = address.GetAddressBytes();
        var length = bytes.Length * 8;
        if (parts.Length == 2
            && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out length)
                || length > bytes.Length * 8))
        {
            return null;
        }

        return new IPNetwork(Base(bytes, length), length);
    }

    /// <summary>What of some networks is in none of others.</summary>
    internal static IReadOnlyList<IPNetwork> Subtract(IEnumerable<IPNetwork> from, IReadOnlyList<IPNetwork> others) =>
        [.. from.SelectMany(network => Subtract(network, others))];

    /// <summary>What of some networks is public.</summary>
    internal static IReadOnlyList<IPNetwork> Public(IEnumerable<IPNetwork> networks) =>
        Subtract(networks, [.. Private, .. _special]);

    private static IEnumerable<IPNetwork> Subtract(IPNetwork network, IReadOnlyList<IPNetwork> others)
    {
        if (others.Any(other => Contains(other, network))) return [];
        IPNetwork[] inside = [.. others.Where(other => Contains(network, other))];
        return inside.Length == 0 ? [network] : Halves(network).SelectMany(half => Subtract(half, inside));
    }

    private static bool Contains(IPNetwork network, IPNetwork other) =>
        network.PrefixLength <= other.PrefixLength
        && network.BaseAddress.AddressFamily == other.BaseAddress.AddressFamily
        && network.Contains(other.BaseAddress);

    private static IPNetwork[] Halves(IPNetwork network)
    {
        var longer = network.PrefixLength + 1;
        var upper = network.BaseAddress.GetAddressBytes();
        upper[network.PrefixLength / 8] |= (byte)(0x80 >> (network.PrefixLength % 8));
        return [new IPNetwork(network.BaseAddress, longer), new IPNetwork(new IPAddress(upper), longer)];
    }

    private static IPAddress Base(byte[] address, int length)
    {
        for (var bit = length; bit < address.Length * 8; bit++) address[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPAddress(address);
    }
}
