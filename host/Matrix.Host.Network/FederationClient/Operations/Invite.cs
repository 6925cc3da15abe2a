using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /invite/{roomId}/{eventId}`: the invite as the invited user's server signed it. A server without version 2
    /// is sent version 1 in rooms of versions 1 and 2.
    /// v1.19 server-server-api#put_matrixfederationv2inviteroomideventid,
    /// v1.19 server-server-api#put_matrixfederationv1inviteroomideventid
    /// </summary>
    /// <param name="roomState">Stripped state, or whole events in room version 12.</param>
    public async ValueTask<FederationResult<JsonObject>> InviteAsync(
        string server,
        string roomId,
        string eventId,
        string roomVersion,
        JsonObject invite,
        IReadOnlyList<JsonObject> roomState,
        CancellationToken stop)
    {
        var path = $"invite/{Escaped(roomId)}/{Escaped(eventId)}";
        var state = Json.Of([.. roomState.Select(Json.Of)]);
        var body = Members.Of(
            ("event", Json.Of(invite)),
            ("invite_room_state", state),
            ("room_version", Members.Text(roomVersion)));
        var sent = await client.SendAsync(Put(server, V2 + path, body), stop);
        if (!options.LegacyFederation || roomVersion is not ("1" or "2") || sent.Failure is not { Status: 400 or 404 })
        {
            return sent.Then(SignedInvite);
        }

        var old = Members.Of(
            [.. MembersOf(invite), ("unsigned", Json.Of(Members.Of(("invite_room_state", state))))]);
        var slices = await SlicesAsync(Put(server, V1 + path, old), stop, isInList: true);
        return slices.Then<JsonObject>(response =>
            response.Member("event") is { } bytes
            && JsonText.TryParseObject(bytes.Span, Reading.Lenient, JsonText.EventLimits, out var signed, out _)
                ? signed
                : Lacks("event"));
    }

    private static FederationResult<JsonObject> SignedInvite(JsonObject response) =>
        response.Child("event") is { } signed ? signed : Lacks("event");

    private static IEnumerable<(string, Json)> MembersOf(JsonObject json) =>
        Enumerable.Range(0, json.Count).Select(at => (json.Key(at), json.Value(at)));
}
