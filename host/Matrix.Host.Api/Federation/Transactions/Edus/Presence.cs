using Matrix.Core.Ident;
using Matrix.Core.Json;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>
/// `m.presence`. This server shows no presence, so updates are only checked. Server-Server API, "Presence".
/// </summary>
internal sealed class Presence : IEduHandler
{
    public string Type => "m.presence";

    public ValueTask<int> ReceiveAsync(string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop) =>
        ValueTask.FromResult(contents.Count(content => !IsOf(origin, content)));

    /// <summary>Whether each update is of a user of the server.</summary>
    private static bool IsOf(string origin, JsonObject content) =>
        content.IndexOf("push") is >= 0 and var at
        && content.Value(at) is Json.Array updates
        && Array.TrueForAll(updates.Item, update =>
            update is Json.Object { Item: var each }
            && each.Text("user_id") is { } userId
            && UserId.isValid(userId)
            && UserId.server(userId) == origin
            && each.Text("presence") is not null);
}
