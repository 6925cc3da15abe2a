using System.Net;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>
/// Networks that are not reached. Synapse has a list of those; this server refuses all private ones, and has lists of
/// exceptions.
/// </summary>
internal static class NetworkMapping
{
    private const string Denied = "ip_range_blacklist";
    private const string DeniedForServers = "federation_ip_range_blacklist";

    internal static void Map(MappingContext to)
    {
        var exceptions = Ranges(to, "ip_range_whitelist");
        var usual = Allowed(to, Denied, exceptions);

        // The old list is for other servers and identity servers, without exceptions.
        var ofServers = to.From.IsWritten(DeniedForServers) ? Allowed(to, DeniedForServers, []) : usual;
        Set(to, "federation.allow_networks", ofServers);
        Set(to, "identity_servers.allow_networks", ofServers);
        Set(to, "push.allow_networks", usual);
    }

    /// <summary>The networks of a setting.</summary>
    internal static IReadOnlyList<IPNetwork> Ranges(MappingContext to, string setting)
    {
        var ranges = new List<IPNetwork>();
        foreach (var text in to.From.TextOrTexts(setting))
        {
            if (NetworkRanges.Parse(text) is { } network) ranges.Add(network);
            else to.From.Refuse(ConfigProblemKind.WrongValue, setting, "expected networks, such as 10.0.0.0/8");
        }

        return ranges;
    }

    /// <summary>Refuses public networks, which cannot be denied here.</summary>
    internal static void RefusePublic(MappingContext to, string setting, IReadOnlyList<IPNetwork> denied)
    {
        if (NetworkRanges.Public(denied).Count > 0)
        {
            to.Findings.Refuse(setting, "It has public networks, which are reached here: let a firewall refuse them.");
        }
    }

    private static IReadOnlyList<IPNetwork> Allowed(
        MappingContext to, string setting, IReadOnlyList<IPNetwork> exceptions)
    {
        if (!to.From.IsWritten(setting)) return exceptions;
        var denied = Ranges(to, setting);
        RefusePublic(to, setting, denied);
        return [.. NetworkRanges.Subtract(NetworkRanges.Private, denied), .. exceptions];
    }

    private static void Set(MappingContext to, string setting, IReadOnlyList<IPNetwork> networks) =>
        to.Ours.Set(setting, [.. networks.Select(static network => network.ToString()).Distinct()]);
}
