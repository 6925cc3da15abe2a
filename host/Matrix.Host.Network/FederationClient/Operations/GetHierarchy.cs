using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A room and the rooms in it.</summary>
/// <param name="InaccessibleChildren">Rooms that the other server does not show to this one.</param>
public sealed record RemoteHierarchy(
    JsonObject Room, IReadOnlyList<JsonObject> Children, IReadOnlyList<string> InaccessibleChildren);

public sealed partial class FederationOperations
{
    /// <summary>The responses are kept for a while.</summary>
    private const int MaxHierarchyBytes = 1024 * 1024;

    /// <summary>`GET /hierarchy/{roomId}`. v1.19 server-server-api#get_matrixfederationv1hierarchyroomid</summary>
    public async ValueTask<FederationResult<RemoteHierarchy>> GetHierarchyAsync(
        string server, string roomId, bool suggestedOnly, CancellationToken stop)
    {
        var target = $"{V1}hierarchy/{Escaped(roomId)}" + Query(("suggested_only", suggestedOnly ? "true" : "false"));
        var request = Get(server, target) with { MaxBytes = MaxHierarchyBytes };
        var sent = await client.SendAsync(request, stop);
        return sent.Then<RemoteHierarchy>(response =>
            response.Child("room") is { } room && room.Text("room_id") == roomId
                ? new RemoteHierarchy(room, response.Children("children"), response.Texts("inaccessible_children"))
                : Lacks("room"));
    }
}
