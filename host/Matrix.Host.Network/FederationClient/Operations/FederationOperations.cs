using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>
/// The operations of the Server-Server API, a file each. Events are in the bytes in which they came; the caller checks
/// them.
/// </summary>
public sealed partial class FederationOperations(IFederationClient client, NetworkOptions options)
{
    private const string V1 = "/_matrix/federation/v1/";
    private const string V2 = "/_matrix/federation/v2/";

    private static string Escaped(string part) => Uri.EscapeDataString(part);

    private static string Query(params IEnumerable<(string Name, string? Value)> parameters)
    {
        var given = parameters.Where(p => p.Value is not null).Select(p => $"{p.Name}={Escaped(p.Value!)}").ToList();
        return given.Count > 0 ? "?" + string.Join('&', given) : "";
    }

    private static FederationRequest Get(string server, string target) => new(server, "GET", target, null);

    private static FederationRequest Put(string server, string target, JsonObject body) =>
        new(server, "PUT", target, body);

    private static FederationRequest Post(string server, string target, JsonObject body) =>
        new(server, "POST", target, body);

    /// <summary>The request, with the bounds of responses that grow with a room.</summary>
    private FederationRequest Large(FederationRequest request) =>
        request with { MaxBytes = options.MaxLargeResponseBytes, Time = options.LargeRequestTime };

    /// <summary>The request, with the bound of responses with a list.</summary>
    private FederationRequest Page(FederationRequest request) => request with { MaxBytes = options.MaxPageBytes };

    /// <summary>Sends a request and cuts the response.</summary>
    private async ValueTask<FederationResult<ResponseSlices>> SlicesAsync(
        FederationRequest request, CancellationToken stop, bool isInList = false)
    {
        var sent = await client.SendForBytesAsync(request, stop);
        return sent.Then<ResponseSlices>(body =>
            ResponseSlices.TryRead(body, isInList, options.MaxEventsInResponse, out var slices)
                ? slices
                : new FederationFailure(
                    FederationFailureKind.NotJson, 0, "", "the response is not JSON of the expected form"));
    }

    private static FederationFailure Lacks(string member) =>
        new(FederationFailureKind.Malformed, 0, "", $"`{member}` is missing or malformed in the response");

    /// <summary>A list of events that a response must have.</summary>
    private static FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>> EventsOf(
        ResponseSlices slices, string member) =>
        slices.List(member) is { } events ? FederationResult.Of(events) : Lacks(member);
}
