using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Servers;

/// <summary>What a server can be asked to do.</summary>
internal enum ServerKind
{
    /// <summary>A Matrix homeserver.</summary>
    Homeserver,

    /// <summary>The floor: <c>POST /floor/commit</c> commits one row, <c>GET /floor/read</c> checks the token and reads nothing.</summary>
    Floor,
}

/// <summary>A server under load: a column of the table.</summary>
/// <param name="Name">The column's title.</param>
/// <param name="Kind">What it can be asked to do.</param>
/// <param name="Target">Where it listens.</param>
/// <param name="Secret">The shared secret by which accounts are made, if it has one.</param>
/// <param name="Tokens">Accounts that exist already, used before any is made.</param>
/// <param name="ProcessId">Its process on this machine, for CPU and memory; null if unknown.</param>
/// <param name="DataFolder">The folder that its database lives in, for growth; null if unknown.</param>
internal sealed record Server(
    string Name,
    ServerKind Kind,
    Target Target,
    string? Secret,
    IReadOnlyList<GivenToken> Tokens,
    int? ProcessId,
    string? DataFolder);

/// <summary>An account that was there before, by its access token.</summary>
internal sealed record GivenToken(string UserId, string AccessToken);
