using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Key queries: `POST /keys/query`. Client-Server API, "Key management API".</summary>
internal sealed class QueryKeys(
    KeyQueries queries, RemoteKeyQueries remoteQueries, KeyOptions options, ClientOptions server) : IEndpoints
{
    private sealed record Input(IReadOnlyDictionary<string, IReadOnlySet<string>> Wanted, TimeSpan? Timeout);

    public void Map(ClientRoutes routes) => routes.Post(
        "keys/query",
        Read,
        Query,
        new RouteOptions
        {
            Access = Access.UsersAndGuests,
            Body = BodyLimit.Large,
            OpenToSuspended = true,
            OnlyReads = true,
        });

    private async ValueTask<Answer> Query(Call call, Input input, CancellationToken stop)
    {
        if (input.Wanted.Count > options.MaxUsersPerQuery)
        {
            return Answer.TooLarge($"Ask for at most {options.MaxUsersPerQuery} users at once.");
        }

        var asker = call.Caller.UserId;
        var users = input.Wanted.ToLookup(user => UserId.server(user.Key) == server.ServerName);
        var local = await queries.QueryAsync(asker, users[true].ToDictionary(), stop).ConfigureAwait(false);
        var remote = await remoteQueries.QueryAsync(asker, users[false].ToDictionary(), input.Timeout, stop)
            .ConfigureAwait(false);
        return KeyAnswers.Object(
            ("device_keys",
                KeyAnswers.ObjectOf(
                    local.DeviceKeys.Concat(remote.Keys.DeviceKeys),
                    devices => KeyAnswers.ObjectOf(devices, Json.NewObject))),
            ("failures", KeyAnswers.Failures(remote.Failures)),
            ("master_keys",
                KeyAnswers.ObjectOf(local.MasterKeys.Concat(remote.Keys.MasterKeys), Json.NewObject)),
            ("self_signing_keys",
                KeyAnswers.ObjectOf(local.SelfSigningKeys.Concat(remote.Keys.SelfSigningKeys), Json.NewObject)),
            ("user_signing_keys", KeyAnswers.ObjectOf(local.UserSigningKeys, Json.NewObject)));
    }

    private static Input Read(BodyReader body) => new(KeyBodies.WantedDevices(body), KeyBodies.Timeout(body));
}
