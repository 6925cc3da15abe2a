using Matrix.Host.Parts;

namespace Matrix.Host.Api.Http;

/// <summary>Options of the Server-Server API.</summary>
public sealed record FederationOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    [Setting("federation.public_rooms", "Whether other servers see the directory of published rooms.")]
    public bool ServesDirectory { get; init; } = true;

    [Setting(
        "limits.request_signatures",
        "Signatures of another server's request that are tried, one for each of its keys.",
        Least = 1, Most = 100)]
    public int MaxSignatures { get; init; } = 8;
}
