using Matrix.Core.Json;

namespace Matrix.Host.Outbound.ThirdParty;

/// <summary>
/// The third-party networks of all application services. v1.19 client-server-api#third-party-lookups
/// </summary>
public sealed class ThirdPartyNetworks(IEnumerable<IThirdPartyNetwork> networks)
{
    private readonly IThirdPartyNetwork[] _networks = [.. networks];

    /// <summary>All protocols, by name.</summary>
    public async ValueTask<IReadOnlyDictionary<string, JsonObject>> ProtocolsAsync(CancellationToken stop)
    {
        var found = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var name in _networks.SelectMany(static network => network.Protocols).Distinct())
        {
            if (await ProtocolAsync(name, stop) is { } protocol) found[name] = protocol;
        }

        return found;
    }

    /// <summary>
    /// A protocol; null if no service has it. If several have, it is as the first says, with the instances of all.
    /// </summary>
    public async ValueTask<JsonObject?> ProtocolAsync(string name, CancellationToken stop)
    {
        JsonObject? first = null;
        var instances = new List<Json>();
        foreach (var network in Of(name))
        {
            if (await network.DescribeAsync(name, stop) is not { } described) continue;
            first ??= described;
            if (described.IndexOf("instances") is var at and >= 0
                && described.Value(at) is Json.Array { Item: var own })
            {
                instances.AddRange(own);
            }
        }

        return first?.With("instances", Json.Of([.. instances]));
    }

    /// <summary>The portal rooms of a location.</summary>
    public ValueTask<IReadOnlyList<JsonObject>> FindLocationsAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) =>
        AllAsync(Of(protocol), network => network.FindLocationsAsync(protocol, fields, stop));

    /// <summary>The Matrix users of a user of a network.</summary>
    public ValueTask<IReadOnlyList<JsonObject>> FindUsersAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) =>
        AllAsync(Of(protocol), network => network.FindUsersAsync(protocol, fields, stop));

    /// <summary>The locations of which a room alias is a portal.</summary>
    public ValueTask<IReadOnlyList<JsonObject>> LocationsOfAsync(string alias, CancellationToken stop) =>
        AllAsync(_networks, network => network.LocationsOfAsync(alias, stop));

    /// <summary>The users of networks whom a Matrix user stands for.</summary>
    public ValueTask<IReadOnlyList<JsonObject>> UsersOfAsync(string userId, CancellationToken stop) =>
        AllAsync(_networks, network => network.UsersOfAsync(userId, stop));

    private IEnumerable<IThirdPartyNetwork> Of(string protocol) =>
        _networks.Where(network => network.Protocols.Contains(protocol));

    private static async ValueTask<IReadOnlyList<JsonObject>> AllAsync(
        IEnumerable<IThirdPartyNetwork> asked, Func<IThirdPartyNetwork, ValueTask<IReadOnlyList<JsonObject>>> ask)
    {
        var found = new List<JsonObject>();
        foreach (var network in asked) found.AddRange(await ask(network));
        return found;
    }
}
