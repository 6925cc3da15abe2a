using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Outbound.ThirdParty;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// The third-party networks that application services provide. A service that does not answer adds nothing.
/// v1.19 application-service-api#third-party-networks
/// </summary>
internal sealed class ServiceNetworks(AppServiceDirectory services, AppServiceQueries queries) : IThirdPartyNetwork
{
    private static readonly IReadOnlyList<(string Name, string Value)> _noFields = [];

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Protocols =>
        [.. services.All.SelectMany(static service => service.Protocols).Distinct(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public async ValueTask<JsonObject?> DescribeAsync(string protocol, CancellationToken stop)
    {
        JsonObject? first = null;
        var instances = new List<Json>();
        foreach (var service in With(protocol))
        {
            // v1.19 application-service-api#get_matrixappv1thirdpartyprotocolprotocol
            var json = await GetAsync(service, $"protocol/{Uri.EscapeDataString(protocol)}", _noFields, stop);
            if (json is not Json.Object { Item: var metadata }) continue;
            first ??= metadata;
            if (metadata.IndexOf("instances") is >= 0 and var at && metadata.Value(at) is Json.Array { Item: var list })
            {
                instances.AddRange(list.Select(instance => WithId(instance, service)));
            }
        }

        return first?.With("instances", Json.Of([.. instances]));
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<JsonObject>> FindLocationsAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) =>
        // v1.19 application-service-api#get_matrixappv1thirdpartylocationprotocol
        SearchAsync("location", protocol, fields, stop);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<JsonObject>> FindUsersAsync(
        string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) =>
        // v1.19 application-service-api#get_matrixappv1thirdpartyuserprotocol
        SearchAsync("user", protocol, fields, stop);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<JsonObject>> LocationsOfAsync(string alias, CancellationToken stop) =>
        // v1.19 application-service-api#get_matrixappv1thirdpartylocation
        GatherAsync(services.All.Where(service => service.HasAlias(alias)), "location", [("alias", alias)], stop);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<JsonObject>> UsersOfAsync(string userId, CancellationToken stop) =>
        // v1.19 application-service-api#get_matrixappv1thirdpartyuser
        GatherAsync(services.All.Where(service => service.HasUser(userId)), "user", [("userid", userId)], stop);

    private ValueTask<IReadOnlyList<JsonObject>> SearchAsync(
        string kind, string protocol, IReadOnlyDictionary<string, string> fields, CancellationToken stop) =>
        GatherAsync(
            With(protocol),
            $"{kind}/{Uri.EscapeDataString(protocol)}",
            [.. fields.Select(static field => (field.Key, field.Value))],
            stop);

    private async ValueTask<IReadOnlyList<JsonObject>> GatherAsync(
        IEnumerable<AppService> asked, string path, IReadOnlyList<(string, string)> fields, CancellationToken stop)
    {
        var found = new List<JsonObject>();
        foreach (var service in asked)
        {
            if (await GetAsync(service, path, fields, stop) is Json.Array { Item: var list })
            {
                found.AddRange(list.OfType<Json.Object>().Select(static each => each.Item));
            }
        }

        return found;
    }

    private async ValueTask<Json?> GetAsync(
        AppService service, string path, IReadOnlyList<(string, string)> fields, CancellationToken stop)
    {
        if (service.Url is null) return null;
        var outcome = await queries.GetAsync(service, ServicePath.ThirdParty(path), fields, stop);
        return outcome?.Reply is { Status: 200, Body: var body }
            && JsonText.TryParse(body, Reading.Lenient, JsonText.ClientBodyLimits, out var json, out _)
            ? json
            : null;
    }

    private IEnumerable<AppService> With(string protocol) =>
        services.All.Where(service => service.Protocols.Contains(protocol));

    /// <summary>An instance with the id by which clients name its directory: of the service and the network.</summary>
    private static Json WithId(Json instance, AppService service) =>
        instance is Json.Object { Item: var json } && json.Text("network_id") is { } network
            ? Json.Of(json.With("instance_id", Json.Of($"{service.Id}|{network}")))
            : instance;
}
