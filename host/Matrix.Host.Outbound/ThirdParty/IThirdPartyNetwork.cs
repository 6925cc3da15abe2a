using Matrix.Core.Json;

namespace Matrix.Host.Outbound.ThirdParty;

/// <summary>
/// What bridges to third-party networks: an application service. Each registered one is asked.
/// v1.19 client-server-api#third-party-networks
/// </summary>
public interface IThirdPartyNetwork
{
    /// <summary>The names of the protocols that it bridges.</summary>
    IReadOnlyCollection<string> Protocols { get; }

    /// <summary>One of its protocols, as the specification's `Protocol`; null if it does not answer.</summary>
    ValueTask<JsonObject?> DescribeAsync(string protocol, CancellationToken stop);

    /// <summary>The portal rooms of a location of the network.</summary>
    ValueTask<IReadOnlyList<JsonObject>> FindLocationsAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop);

    /// <summary>The Matrix users of a user of the network.</summary>
    ValueTask<IReadOnlyList<JsonObject>> FindUsersAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop);

    /// <summary>The locations of which a room alias is a portal.</summary>
    ValueTask<IReadOnlyList<JsonObject>> LocationsOfAsync(string alias, CancellationToken stop);

    /// <summary>The users of networks whom a Matrix user stands for.</summary>
    ValueTask<IReadOnlyList<JsonObject>> UsersOfAsync(string userId, CancellationToken stop);
}
