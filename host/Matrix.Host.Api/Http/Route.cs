using Matrix.Core.Json;

namespace Matrix.Host.Api.Http;

/// <summary>One method of one path.</summary>
/// <param name="Method">GET, PUT, POST or DELETE.</param>
/// <param name="Template">
/// The path with parameters as `{roomId}`. `{stateKey?}` may be empty, and the slash before it missing. Names of parameters are the
/// specification's: identifiers are checked by name before the handler is called (<see cref="PathParameters"/>).
/// </param>
/// <param name="TakesBody">Whether the handler is given the body.</param>
/// <param name="Handle">The handler; the object is the body, null if there is none to take.</param>
/// <param name="Options">What it asks for.</param>
internal sealed record Route(
    string Method,
    string Template,
    bool TakesBody,
    Func<Call, JsonObject?, CancellationToken, ValueTask<Answer>> Handle,
    RouteOptions Options);
