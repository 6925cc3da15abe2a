namespace Matrix.Host.Api.Http;

/// <summary>A group of endpoints, as a module of the specification groups them. Mapped once, at start.</summary>
public interface IEndpoints
{
    /// <summary>Names the paths and the handlers.</summary>
    void Map(ClientRoutes routes);
}

/// <summary>Answers a request.</summary>
/// <param name="call">The request: who calls, path and query parameters.</param>
/// <param name="stop">Cancelled when the client has gone.</param>
public delegate ValueTask<Answer> Handler(Call call, CancellationToken stop);

/// <summary>Answers a request whose body or query was read and found well formed.</summary>
/// <param name="call">The request: who calls, path and query parameters.</param>
/// <param name="input">What the route's reader made of the body or query.</param>
/// <param name="stop">Cancelled when the client has gone.</param>
public delegate ValueTask<Answer> Handler<in T>(Call call, T input, CancellationToken stop);
