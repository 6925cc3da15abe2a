using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Users.AppServices;

/// <summary>
/// An application service, as its registration describes it. v1.19 application-service-api#registration
/// </summary>
public sealed class AppService
{
    private readonly byte[] _tokenHash;
    private readonly string _serverSuffix;

    /// <summary>Creates a service.</summary>
    /// <param name="serverName">This server's name.</param>
    /// <param name="appServiceToken">The `as_token`.</param>
    /// <param name="senderLocalpart">The `sender_localpart`.</param>
    public AppService(string serverName, string appServiceToken, string senderLocalpart)
    {
        _serverSuffix = ":" + serverName;
        SenderId = $"@{senderLocalpart}{_serverSuffix}";
        _tokenHash = HashOf(appServiceToken);
    }

    /// <summary>The service's name, which never changes.</summary>
    public required string Id { get; init; }

    /// <summary>Where the service listens; null if it wants no requests.</summary>
    public Uri? Url { get; init; }

    /// <summary>The `hs_token`, by which the service knows this server.</summary>
    public required string HomeserverToken { get; init; }

    /// <summary>The user of the service itself.</summary>
    public string SenderId { get; }

    /// <summary>What the service is interested in.</summary>
    public Namespaces Namespaces { get; init; } = Namespaces.None;

    /// <summary>Whether requests of its users, other than the sender, count for rate limits.</summary>
    public bool IsRateLimited { get; init; } = true;

    /// <summary>Whether transactions have ephemeral data.</summary>
    public bool ReceivesEphemeral { get; init; }

    /// <summary>Whether transactions have what encryption needs: `org.matrix.msc3202`.</summary>
    public bool ReceivesEncryption { get; init; }

    /// <summary>The third-party networks that the service provides.</summary>
    public IReadOnlyList<string> Protocols { get; init; } = [];

    /// <summary>Whether this is the service's `as_token`. Takes the same time for every token.</summary>
    public bool HasToken(ReadOnlySpan<byte> hash) => CryptographicOperations.FixedTimeEquals(hash, _tokenHash);

    /// <summary>Whether a user is the service's: its sender, or a local user of its namespaces.</summary>
    public bool HasUser(string userId) =>
        userId == SenderId
        || (userId.EndsWith(_serverSuffix, StringComparison.Ordinal) && Any(Namespaces.Users, userId));

    /// <summary>Whether the service's namespaces include an alias.</summary>
    public bool HasAlias(string alias) => Any(Namespaces.Aliases, alias);

    /// <summary>Whether the service's namespaces include a room id.</summary>
    public bool HasRoom(string roomId) => Any(Namespaces.Rooms, roomId);

    /// <summary>Whether nobody else may create this user.</summary>
    public bool ReservesUser(string userId) =>
        userId == SenderId
        || (userId.EndsWith(_serverSuffix, StringComparison.Ordinal) && AnyExclusive(Namespaces.Users, userId));

    /// <summary>Whether nobody else may create or delete this alias.</summary>
    public bool ReservesAlias(string alias) => AnyExclusive(Namespaces.Aliases, alias);

    /// <summary>The service's id, without its tokens.</summary>
    public override string ToString() => Id;

    /// <summary>The hash by which tokens are compared, so that the time of a comparison says nothing.</summary>
    internal static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    private static bool Any(IReadOnlyList<Namespace> among, string name)
    {
        foreach (var each in among)
        {
            if (each.Includes(name)) return true;
        }

        return false;
    }

    private static bool AnyExclusive(IReadOnlyList<Namespace> among, string name)
    {
        foreach (var each in among)
        {
            if (each.IsExclusive && each.Includes(name)) return true;
        }

        return false;
    }
}
