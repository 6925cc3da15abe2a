using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A server's implementation; "" where it does not say.</summary>
public sealed record ServerVersion(string Name, string Version);

public sealed partial class FederationApi
{
    /// <summary>`GET /version`.</summary>
    public async ValueTask<FederationResult<ServerVersion>> GetVersionAsync(string server, CancellationToken stop)
    {
        var sent = await client.SendAsync(Get(server, V1 + "version") with { IsSigned = false }, stop)
            .ConfigureAwait(false);
        return sent.Then<ServerVersion>(response =>
        {
            var implementation = response.Child("server") ?? JsonObject.Empty;
            return new ServerVersion(implementation.Text("name") ?? "", implementation.Text("version") ?? "");
        });
    }
}
