using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Key queries: `POST /keys/query`. Client-Server API, "Key management API".</summary>
internal sealed class QueryKeys(KeyQueries queries, KeyOptions options, ClientOptions server) : IEndpoints
{
    public void Map(ClientRoutes routes) => routes.Post(
        "keys/query", Read, Query, new RouteOptions { Access = Access.UsersAndGuests, Body = BodyLimit.Large });

    private async ValueTask<Answer> Query(
        Call call, IReadOnlyDictionary<string, IReadOnlySet<string>> wanted, CancellationToken stop)
    {
        if (wanted.Count > options.MaxUsersPerQuery)
        {
            return Answer.TooLarge($"Ask for at most {options.MaxUsersPerQuery} users at once.");
        }

        var local = wanted.Where(user => UserId.server(user.Key) == server.ServerName).ToDictionary();
        var found = await queries.QueryAsync(call.Caller.UserId, local, stop).ConfigureAwait(false);
        var elsewhere = wanted.Keys.Where(user => !local.ContainsKey(user)).Select(UserId.server);
        return KeyAnswers.Object(
            ("device_keys",
                KeyAnswers.ObjectOf(found.DeviceKeys, devices => KeyAnswers.ObjectOf(devices, Json.NewObject))),
            ("failures", KeyAnswers.Unreachable(elsewhere)),
            ("master_keys", KeyAnswers.ObjectOf(found.MasterKeys, Json.NewObject)),
            ("self_signing_keys", KeyAnswers.ObjectOf(found.SelfSigningKeys, Json.NewObject)),
            ("user_signing_keys", KeyAnswers.ObjectOf(found.UserSigningKeys, Json.NewObject)));
    }

    private static Dictionary<string, IReadOnlySet<string>> Read(BodyReader body)
    {
        // Local keys are available at once: the timeout for other servers only has to be a number.
        body.Number("timeout");
        return KeyBodies.WantedDevices(body);
    }
}
