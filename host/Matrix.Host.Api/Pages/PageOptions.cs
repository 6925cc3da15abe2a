namespace Matrix.Host.Api.Pages;

/// <summary>Options of the pages for browsers.</summary>
/// <param name="IsSecure">Whether browsers reach this server by TLS, so that cookies need it.</param>
public sealed record PageOptions(bool IsSecure);
