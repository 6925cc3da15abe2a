using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Collects the routes of other servers. By default a route is served under `/_matrix/federation/v1/`, and its requests
/// must be signed.
/// </summary>
public sealed class FederationRoutes : Routes
{
    private const string Federation = "/_matrix/federation/";
    private const string Key = "/_matrix/key/";

    private readonly string _prefix;
    private readonly RouteOwner? _owner;

    internal FederationRoutes()
        : this([], Federation + "v1/", owner: null)
    {
    }

    private FederationRoutes(List<Route> collected, string prefix, RouteOwner? owner)
        : base(collected, [prefix], RouteOptions.ForServers, owner) => (_prefix, _owner) = (prefix, owner);

    /// <summary>Routes under `/_matrix/federation/v2/`.</summary>
    public FederationRoutes V2 => new(Collected, Federation + "v2/", _owner);

    /// <summary>Routes under `/_matrix/key/v2/`.</summary>
    public FederationRoutes Keys => new(Collected, Key + "v2/", _owner);

    /// <summary>Whether a path is one of other servers, known or not.</summary>
    public static bool Serves(string? path) =>
        path is not null
        && (path.StartsWith(Federation, StringComparison.Ordinal) || path.StartsWith(Key, StringComparison.Ordinal));

    /// <summary>Routes whose requests belong to something.</summary>
    public FederationRoutes Of(RouteOwner owner) => new(Collected, _prefix, owner);
}

/// <summary>
/// A group of endpoints for other servers: a chapter of the Server-Server API. Mapped once, at start.
/// </summary>
public interface IFederationEndpoints
{
    /// <summary>Maps the paths to their handlers.</summary>
    void Map(FederationRoutes routes);
}
