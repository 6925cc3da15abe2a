namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of notaries: those that this server asks, and itself as one.</summary>
    private static ConfigKey[] NotaryKeys() =>
    [
        Key(
            "federation.notaries", ConfigTypes.ServerNames, c => c.Network.Notaries,
            "Servers that are asked for the keys of servers that do not answer. They learn the names of these servers, "
                + "and what they say counts if they and the other server have signed it."),
        Key(
            "federation.notary_query_servers", ConfigTypes.Whole(1, 200), c => c.Network.MaxNotaryQueryServers,
            "Servers in one query that this server sends to a notary."),
        Key(
            "federation.notary_gather_time", ConfigTypes.Duration, c => c.Network.NotaryGatherTime,
            "How long keys are gathered for such a query."),
        Key(
            "federation.notary_queries", ConfigTypes.Whole(1, 1000), c => c.Network.MaxNotaryQueries,
            "Such queries at once that events need; others wait. Requests before authentication cause as many."),
        Key(
            "federation.notary_queries_per_server", ConfigTypes.Whole(1), c => c.Network.MaxNotaryQueriesPerServer,
            "Such queries a minute about one server that the events of one sending server cause."),
        Key(
            "federation.notary_servers", ConfigTypes.Whole(1, 10_000), c => c.Network.MaxNotaryServers,
            "Servers in one query for keys that another server sends; of further ones nothing is returned."),
        Key(
            "federation.notary_response_bytes", ConfigTypes.FewBytes(64 << 10, 64 << 20),
            c => c.Network.MaxNotaryResponseBytes,
            "The response to such a query."),
        Key(
            "federation.notary_time", ConfigTypes.Duration, c => c.Network.NotaryTime,
            "The time of such a query. After it, the keys that are known are returned."),
        Key(
            "federation.notary_fetches", ConfigTypes.Whole(1, 1000), c => c.Network.MaxNotaryFetches,
            "Fetches of keys at once that such queries cause; others wait."),
        Key(
            "federation.notary_fetches_per_minute", ConfigTypes.Whole(1), c => c.Network.MaxNotaryFetchesPerMinute,
            "Fetches a minute that such queries cause."),
        Key(
            "federation.notary_fetches_per_address", ConfigTypes.Whole(1), c => c.Network.MaxNotaryFetchesPerAddress,
            "The same, caused by queries from one address."),
    ];
}
