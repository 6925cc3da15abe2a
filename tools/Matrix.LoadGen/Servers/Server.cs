using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Servers;

/// <summary>The kind of a server.</summary>
internal enum ServerKind
{
    /// <summary>A Matrix homeserver.</summary>
    Homeserver,

    /// <summary>
    /// The floor: <c>POST /floor/commit</c> commits one row, <c>GET /floor/read</c> checks the token and reads nothing.
    /// </summary>
    Floor,
}

/// <summary>A server under load: a column of the table.</summary>
/// <param name="Name">The column's title.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Target">The address.</param>
/// <param name="Secret">The shared secret to create accounts with; null for none.</param>
/// <param name="Tokens">Existing accounts, used first.</param>
/// <param name="ProcessId">The process on this machine, for CPU and memory; null if unknown.</param>
/// <param name="DataFolder">The folder of the database, for growth; null if unknown.</param>
internal sealed record Server(
    string Name,
    ServerKind Kind,
    Target Target,
    string? Secret,
    IReadOnlyList<GivenToken> Tokens,
    int? ProcessId,
    string? DataFolder);

/// <summary>An existing account, by its access token.</summary>
internal sealed record GivenToken(string UserId, string AccessToken);
