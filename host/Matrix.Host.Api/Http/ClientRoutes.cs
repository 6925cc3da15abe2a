namespace Matrix.Host.Api.Http;

/// <summary>
/// Collects the routes of clients. By default a route is served under `/_matrix/client/v3/` and the older
/// `/_matrix/client/r0/`; <see cref="V1"/> and <see cref="At"/> give other prefixes.
/// </summary>
public sealed class ClientRoutes : Routes
{
    private const string Client = "/_matrix/client/";

    internal ClientRoutes()
        : this([], [Client + "v3/", Client + "r0/"])
    {
    }

    private ClientRoutes(List<Route> collected, string[] prefixes)
        : base(collected, prefixes, RouteOptions.Default)
    {
    }

    /// <summary>Routes under `/_matrix/client/v1/`.</summary>
    public ClientRoutes V1 => new(Collected, [Client + "v1/"]);

    /// <summary>
    /// Routes under other prefixes, each ending with a slash, such as `/_matrix/client/unstable/org.matrix.msc3575/`.
    /// </summary>
    public ClientRoutes At(params string[] prefixes) => new(Collected, prefixes);
}

/// <summary>A group of endpoints for clients, mostly a module of the specification. Mapped once, at start.</summary>
public interface IEndpoints
{
    /// <summary>Maps the paths to their handlers.</summary>
    void Map(ClientRoutes routes);
}
