using Matrix.Core.Event;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>An unsigned membership event that a resident server prepared.</summary>
/// <param name="RoomVersion">The room's version; "1" if the server did not say, as old servers do not.</param>
public sealed record EventTemplate(string RoomVersion, JsonObject Event);

public sealed partial class FederationOperations
{
    /// <summary>
    /// The template in a response. It must be the membership event that was asked for, in a version that was offered:
    /// otherwise this server would sign another event.
    /// </summary>
    private static FederationResult<EventTemplate> TemplateOf(
        JsonObject response, string roomId, string userId, string membership, IReadOnlyList<string> versions)
    {
        var version = response.Text("room_version") ?? "1";
        if (versions.Count > 0 && !versions.Contains(version)) return Lacks("room_version");
        if (response.Child("event") is not { } template) return Lacks("event");
        if (template.Text("type") != EventTypes.Member) return Lacks("event.type");
        if (template.Text("room_id") != roomId) return Lacks("event.room_id");
        if (template.Text("sender") != userId) return Lacks("event.sender");
        if (template.Text("state_key") != userId) return Lacks("event.state_key");
        return template.Child("content")?.Text("membership") == membership
            ? new EventTemplate(version, template)
            : Lacks("event.content.membership");
    }

    private static IEnumerable<(string, string?)> Offered(IReadOnlyList<string> versions) =>
        versions.Select(version => ("ver", (string?)version));
}
