namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>The room of an alias, and servers in it.</summary>
public sealed record DirectoryEntry(string RoomId, IReadOnlyList<string> Servers);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `GET /query/directory`: the room of an alias. v1.19 server-server-api#get_matrixfederationv1querydirectory
    /// </summary>
    public async ValueTask<FederationResult<DirectoryEntry>> QueryDirectoryAsync(
        string server, string roomAlias, CancellationToken stop)
    {
        var target = $"{V1}query/directory" + Query(("room_alias", roomAlias));
        var sent = await client.SendAsync(Get(server, target), stop);
        return sent.Then<DirectoryEntry>(static response =>
            response.Text("room_id") is { } roomId
                ? new DirectoryEntry(roomId, response.Texts("servers"))
                : Lacks("room_id"));
    }
}
