using System.Net;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>Requests to identity servers.</summary>
public sealed record IdentityServerOptions
{
    /// <summary>The identity servers that users may name, as names or globs; empty for none.</summary>
    public IReadOnlyList<string> Allowed { get; init; } = [];

    /// <summary>Private networks in which they may be.</summary>
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    /// <summary>The time of one request.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most bytes of a response.</summary>
    public int MaxResponseBytes { get; init; } = 64 << 10;
}
