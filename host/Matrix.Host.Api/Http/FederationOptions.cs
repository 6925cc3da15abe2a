namespace Matrix.Host.Api.Http;

/// <summary>Options of the Server-Server API.</summary>
public sealed record FederationOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>The most `X-Matrix` headers of a request that are tried.</summary>
    public int MaxSignatures { get; init; } = 8;

    /// <summary>Whether other servers see the directory of published rooms.</summary>
    public bool ServesDirectory { get; init; } = true;
}
