using Matrix.Core.Json;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Federation.EndToEndEncryption;

/// <summary>Keys of local users' devices. v1.19 server-server-api#end-to-end-encryption</summary>
internal sealed class ServedKeyQueries(KeyQueries queries, KeyOptions options, FederationOptions server)
    : IFederationEndpoints
{
    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#post_matrixfederationv1userkeysquery
        routes.Of(RouteOwner.Nobody).Post(
            "user/keys/query", Read, Query, RouteOptions.ForServers with { Body = BodyLimit.Large });

    private Dictionary<string, IReadOnlySet<string>> Read(BodyReader body)
    {
        var wanted = KeyBodies.WantedDevices(body);
        server.CheckLocal(body, wanted.Keys);
        return wanted;
    }

    private async ValueTask<Answer> Query(
        Call call, IReadOnlyDictionary<string, IReadOnlySet<string>> wanted, CancellationToken stop)
    {
        if (wanted.Count > options.MaxUsersPerQuery)
        {
            return Answer.TooLarge($"Ask for at most {options.MaxUsersPerQuery} users at once.");
        }

        // User-signing keys are for their own users only.
        var found = await queries.QueryAsync(asker: null, wanted, stop);
        return KeyAnswers.Object(
            ("device_keys", KeyAnswers.ObjectOf(
                found.DeviceKeys, static devices => KeyAnswers.ObjectOf(devices, Json.Of))),
            ("master_keys", KeyAnswers.ObjectOf(found.MasterKeys, Json.Of)),
            ("self_signing_keys", KeyAnswers.ObjectOf(found.SelfSigningKeys, Json.Of)));
    }
}
