using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Routes under `/_matrix/client/api/v1/`, which belong to what the operations of today belong to. A POST is a PUT too,
/// with a transaction id at the end of the path. The 2014 specification, "API Standards".
/// </summary>
internal sealed class LegacyRoutes(ClientRoutes routes, LegacyOptions options, ShardGates gates)
{
    internal const string Prefix = "/_matrix/client/api/v1/";

    private readonly ClientRoutes _routes = routes.At(Prefix);
    private readonly AnsweredOnce _once = new(options.MaxTransactions, gates);

    /// <summary>The operations of today that are mapped.</summary>
    internal CurrentOperations Current { get; } = new(routes.Collected);

    internal void Get(string path, CurrentOperation today, Handler handler) =>
        _routes.Get(path, handler, today.Options);

    internal void Put<T>(string path, CurrentOperation today, Func<BodyReader, T> read, Handler<T> handler) =>
        _routes.Put(path, read, handler, today.Options);

    /// <summary>A POST with the options of an operation of today, whatever its method, and its PUT.</summary>
    internal void Post<T>(string path, CurrentOperation today, Func<BodyReader, T> read, Handler<T> handler)
    {
        _routes.Post(path, read, handler, today.Options);

        // Whoever has the room, or the caller, knows the responses to requests with these ids.
        var isOfCaller = today.Options is { Owner.Kind: OwnerKind.Nobody, Access: not Access.Anyone };
        (isOfCaller ? _routes.Of(RouteOwner.Caller) : _routes).Put(
            path + "/{txnId}",
            read,
            (call, input, stop) => call.CallerIfAny is { } caller
                ? _once.OnceAsync(
                    isOfCaller ? Authority.User(caller.UserId) : RoomOf(call),
                    caller.UserId,
                    $"{caller.DeviceId} {call.Template} {call.ParametersText}",
                    () => handler(call, input, stop),
                    stop)
                : handler(call, input, stop),
            today.Options);
    }

    /// <summary>The room of a request; nobody if it has an alias: the owner of its room gets it each time.</summary>
    private static Authority RoomOf(Call call) =>
        (call["roomId"] + call["roomIdOrAlias"]) is ['!', ..] roomId ? Authority.Room(roomId) : Authority.Nobody;

    /// <summary>A POST and its PUT, of which today's operation has the transaction id.</summary>
    internal void Send<T>(
        string path,
        CurrentOperation today,
        Func<BodyReader, T> read,
        Func<Call, T, string, CancellationToken, ValueTask<Answer>> handler)
    {
        _routes.Post(
            path,
            read,
            (call, input, stop) => handler(call, input, $"legacy-{Guid.NewGuid():N}", stop),
            today.Options);
        _routes.Put(
            path + "/{txnId}",
            read,
            (call, input, stop) => handler(call, input, call["txnId"], stop),
            today.Options);
    }

    /// <summary>Operations that are the same today, under the same path.</summary>
    internal void Same(string method, params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            var today = Current.Of(method, path);
            switch (method)
            {
                case "GET":
                    _routes.Get(path, (call, stop) => today.CallAsync(call, null, stop), today.Options);
                    break;
                case "DELETE":
                    _routes.Delete(path, (call, stop) => today.CallAsync(call, null, stop), today.Options);
                    break;
                case "PUT":
                    Put(path, today, Whole, (call, body, stop) => today.CallAsync(call, body, stop));
                    break;
                default:
                    Post(path, today, Whole, (call, body, stop) => today.CallAsync(call, body, stop));
                    break;
            }
        }
    }

    /// <summary>The whole body.</summary>
    internal static JsonObject Whole(BodyReader body) => body.Whole;
}

/// <summary>A group of operations of the 2014 API.</summary>
internal interface ILegacyGroup
{
    /// <summary>Maps them. Today's operations are mapped before.</summary>
    void Map(LegacyRoutes routes);
}

/// <summary>
/// The Client-Server API of 2014, as translations to today's. Not served unless the configuration says so. It is mapped
/// after today's API.
/// </summary>
internal sealed class LegacyApi(IEnumerable<ILegacyGroup> groups, ShardGates gates, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.Legacy.IsOn) return;
        var legacy = new LegacyRoutes(routes, options.Legacy, gates);
        foreach (var group in groups) group.Map(legacy);
    }
}
