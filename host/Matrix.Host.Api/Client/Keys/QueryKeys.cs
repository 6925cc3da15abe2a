using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Key queries: `POST /keys/query`. v1.19 client-server-api#key-management-api</summary>
internal sealed class QueryKeys(
    KeyQueries queries, RemoteKeyQueries remoteQueries, KeyOptions options, ClientOptions server) : IEndpoints
{
    /// <summary>The local users whose keys are read at once.</summary>
    private const int UsersAtOnce = 100;

    private sealed record Input(IReadOnlyDictionary<string, IReadOnlySet<string>> Wanted, TimeSpan? Timeout);

    // v1.19 client-server-api#post_matrixclientv3keysquery
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
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
        var users = input.Wanted.ToLookup(user => UserId.Server(user.Key) == server.ServerName);
        var remote = await remoteQueries
            .QueryAsync(asker, call.CausedBy, users[false].ToDictionary(), input.Timeout, stop);
        Dictionary<string, IReadOnlySet<string>>[] local =
            [.. users[true].Chunk(UsersAtOnce).Select(static some => some.ToDictionary())];
        return Answer.InSteps(call, async (response, stop) =>
        {
            // Not before other servers have answered: meanwhile the memory is free for others.
            if (!await response.ReserveAsync(stop)) return Answer.Busy;

            // The keys of few users are read once for all members.
            var all = local.Length == 1
                ? await queries.ReadAsync(asker, local[0], withDevices: true, stop)
                : null;
            ValueTask<LocalKeys> ReadAsync(Dictionary<string, IReadOnlySet<string>> some, bool withDevices) =>
                all is not null ? new(all) : queries.ReadAsync(asker, some, withDevices, stop);

            var output = new KeyObjects(response);
            await WriteDevicesAsync(output, local, ReadAsync, remote.Keys.DeviceKeys, stop);
            output.Member("failures", KeyAnswers.Failures(remote.Failures));
            foreach (var (name, usage, ofOthers) in new[]
            {
                ("master_keys", CrossSigningUsage.Master, remote.Keys.MasterKeys),
                ("self_signing_keys", CrossSigningUsage.SelfSigning, remote.Keys.SelfSigningKeys),
                ("user_signing_keys", CrossSigningUsage.UserSigning, _none),
            })
            {
                output.Begin(name);
                foreach (var some in local)
                {
                    var read = await ReadAsync(some, withDevices: false);
                    await output.KeysAsync(read.CrossSigning(usage), stop);
                }

                await output.KeysAsync(ofOthers, stop);
                output.End();
            }

            output.Close();
            return null;
        });
    }

    private delegate ValueTask<LocalKeys> ReadKeys(Dictionary<string, IReadOnlySet<string>> users, bool withDevices);

    private static async ValueTask WriteDevicesAsync(
        KeyObjects output,
        Dictionary<string, IReadOnlySet<string>>[] local,
        ReadKeys readAsync,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, JsonObject>> ofOthers,
        CancellationToken stop)
    {
        output.Begin("device_keys");
        foreach (var some in local)
        {
            var read = await readAsync(some, withDevices: true);
            foreach (var (user, devices) in read.Devices()) await output.DevicesAsync(user, devices, stop);
        }

        foreach (var (user, devices) in ofOthers) await output.DevicesAsync(user, devices, stop);
        output.End();
    }

    private static readonly IReadOnlyDictionary<string, JsonObject> _none = new Dictionary<string, JsonObject>();

    private static Input Read(BodyReader body) => new(KeyBodies.WantedDevices(body), KeyBodies.Timeout(body));
}
