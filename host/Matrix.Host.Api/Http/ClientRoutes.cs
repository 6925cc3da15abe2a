using System.Globalization;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Collects the routes of clients. By default a route is served under `/_matrix/client/v3/` and the older
/// `/_matrix/client/r0/`; <see cref="V1"/> and <see cref="At"/> give other prefixes.
/// </summary>
public sealed class ClientRoutes : Routes
{
    private const string Client = "/_matrix/client/";

    private readonly string[] _prefixes;
    private readonly RouteOptions _defaults;
    private readonly RouteOwner? _owner;

    internal ClientRoutes()
        : this([], [Client + "v3/", Client + "r0/"], RouteOptions.Default, owner: null)
    {
    }

    private ClientRoutes(List<Route> collected, string[] prefixes, RouteOptions defaults, RouteOwner? owner)
        : base(collected, prefixes, defaults, owner) =>
        (_prefixes, _defaults, _owner) = (prefixes, defaults, owner);

    /// <summary>Routes under `/_matrix/client/v1/`.</summary>
    public ClientRoutes V1 => At(Client + "v1/");

    /// <summary>
    /// Routes of the administration API, under `/_synapse/admin/v1/` or another version. Only administrators may call
    /// them, unless a route's options say otherwise.
    /// </summary>
    internal ClientRoutes Admin(int version) => new(
        Collected,
        [string.Create(CultureInfo.InvariantCulture, $"{AdminPaths.Prefix}v{version}/")],
        RouteOptions.ForAdmins,
        _owner);

    /// <summary>
    /// Routes under other prefixes, each ending with a slash, such as `/_matrix/client/unstable/org.matrix.msc3575/`.
    /// </summary>
    public ClientRoutes At(params string[] prefixes) => new(Collected, prefixes, RouteOptions.Default, _owner);

    /// <summary>Routes whose requests belong to something.</summary>
    public ClientRoutes Of(RouteOwner owner) => new(Collected, _prefixes, _defaults, owner);
}

/// <summary>A group of endpoints for clients, mostly a module of the specification. Mapped once, at start.</summary>
public interface IEndpoints
{
    /// <summary>Maps the paths to their handlers.</summary>
    void Map(ClientRoutes routes);
}
