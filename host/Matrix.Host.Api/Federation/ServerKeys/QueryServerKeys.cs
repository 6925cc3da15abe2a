using System.Net;
using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Api.Federation.ServerKeys;

/// <summary>
/// The keys of other servers, for everyone. v1.19 server-server-api#querying-keys-through-another-server
/// </summary>
internal sealed class QueryServerKeys(Notary notary, RateLimiter limiter) : IFederationEndpoints
{
    private static readonly RouteOptions _open = new()
    {
        Access = Access.Anyone,
        Depth = RouteOptions.ForServers.Depth,
    };

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixkeyv2queryservername
        routes.Of(RouteOwner.Nobody).Keys.Get(
            "query/{serverName}", static query => query.Number("minimum_valid_until_ts"), GetOneAsync, _open);
        // Older servers name a key in the path.
        routes.Of(RouteOwner.Nobody).Keys.Get(
            "query/{serverName}/{keyId}", static query => query.Number("minimum_valid_until_ts"), GetOneAsync, _open);
        // v1.19 server-server-api#post_matrixkeyv2query
        routes.Of(RouteOwner.Nobody).Keys.Post("query", Read, GetAsync, _open);
    }

    private static List<NotaryQuery> Read(BodyReader body)
    {
        var queries = new List<NotaryQuery>();
        foreach (var (server, wanted) in body.RequiredInner("server_keys").Members())
        {
            var minimum = wanted.Members().Select(static key => key.Value.Number("minimum_valid_until_ts")).Max();
            queries.Add(new NotaryQuery(server, [.. wanted.Names()], minimum));
        }

        return queries;
    }

    private ValueTask<Answer> GetOneAsync(Call call, long? minimum, CancellationToken stop) =>
        GetAsync(call, [new NotaryQuery(call["serverName"], [], minimum)], stop);

    private async ValueTask<Answer> GetAsync(Call call, List<NotaryQuery> queries, CancellationToken stop)
    {
        // The rate of the address counts the query as one request, whatever it names.
        var wait = limiter.Take(RateClass.NotaryServers, AddressBlock.Of(call.Address), queries.Count);
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);

        var address = IPAddress.TryParse(call.Address, out var known) ? known : IPAddress.None;
        var found = await notary.QueryAsync(queries, address, stop);
        return Answer.Json(found, static (json, responses) =>
        {
            json.WriteStartArray("server_keys");
            foreach (var response in responses) json.WriteRawValue(response.Span, skipInputValidation: true);
            json.WriteEndArray();
        });
    }
}
