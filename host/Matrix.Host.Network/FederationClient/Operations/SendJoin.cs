using System.Text.Json;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>The room at a join, as the resident server returned it.</summary>
/// <param name="Event">The join as the resident server signed it; null if it was not returned.</param>
/// <param name="State">The state before the join.</param>
/// <param name="AuthChain">The auth chain of the join and of the state.</param>
/// <param name="MembersOmitted">Whether member events are missing in the state.</param>
/// <param name="ServersInRoom">The servers in the room; empty if they were not returned.</param>
public sealed record JoinedRoom(
    ReadOnlyMemory<byte>? Event,
    IReadOnlyList<ReadOnlyMemory<byte>> State,
    IReadOnlyList<ReadOnlyMemory<byte>> AuthChain,
    bool MembersOmitted,
    IReadOnlyList<string> ServersInRoom);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /send_join/{roomId}/{eventId}`. A server without version 2 is sent version 1.
    /// v1.19 server-server-api#put_matrixfederationv2send_joinroomideventid
    /// </summary>
    /// <param name="omitMembers">Whether the response may lack member events.</param>
    public async ValueTask<FederationResult<JoinedRoom>> SendJoinAsync(
        string server, string roomId, string eventId, JsonObject join, bool omitMembers, CancellationToken stop)
    {
        var path = $"send_join/{Escaped(roomId)}/{Escaped(eventId)}";
        var target = V2 + path + Query(("omit_members", omitMembers ? "true" : "false"));
        var sent = await SlicesAsync(Large(Put(server, target, join)), stop);
        if (options.LegacyFederation && sent.Failure is { IsUnrecognized: true })
        {
            sent = await SlicesAsync(Large(Put(server, V1 + path, join)), stop, isInList: true);
        }

        return sent.Then<JoinedRoom>(slices =>
            slices.List("state") is not { } state ? Lacks("state")
            : slices.List("auth_chain") is not { } chain ? Lacks("auth_chain")
            : new JoinedRoom(
                slices.Member("event"), state, chain, slices.IsTrue("members_omitted"),
                TextsOf(slices.List("servers_in_room"))));
    }

    /// <summary>The strings of a list; anything else is skipped.</summary>
    private static List<string> TextsOf(IReadOnlyList<ReadOnlyMemory<byte>>? items)
    {
        var texts = new List<string>();
        foreach (var item in items ?? [])
        {
            var reader = new Utf8JsonReader(item.Span);
            try
            {
                if (reader.Read() && reader.TokenType == JsonTokenType.String) texts.Add(reader.GetString()!);
            }
            catch (InvalidOperationException)
            {
                // A lone surrogate.
            }
        }

        return texts;
    }
}
