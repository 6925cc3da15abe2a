using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>
/// `rooms/{room}/forward_extremities` of the administration API. `DELETE` merges them by an event, instead of dropping
/// events that the room's state depends on.
/// </summary>
internal sealed class ExtremityAdministration(
    ForwardExtremities extremities, RoomAdministration rooms, RoomAliasDirectory aliases, AuditLog audit) : IEndpoints
{
    private const string Path = "rooms/{roomIdOrAlias}/forward_extremities";

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.Nobody).Get(Path, ListAsync);
        admin.Of(RouteOwner.RoomOrAlias(aliases)).Delete(Path, MergeAsync);
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var room = await rooms.ResolveAsync(call.CausedBy, call["roomIdOrAlias"], stop);
        if (!room.IsOk) return RoomAnswers.Of(room.Failure);
        var found = await extremities.OfAsync(room.Value, stop);
        return !found.IsOk ? RoomAnswers.Of(found.Failure) : Answer.Json(found.Value, static (json, found) =>
        {
            json.WriteNumber("count", found.Count);
            json.WriteStartArray("results");
            foreach (var extremity in found)
            {
                json.WriteStartObject();
                json.WriteString("event_id", extremity.EventId);
                json.WriteNumber("state_group", extremity.Step);
                json.WriteNumber("depth", extremity.Depth);
                // When an event was received is not stored.
                json.WriteNull("received_ts");
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> MergeAsync(Call call, CancellationToken stop)
    {
        var room = await rooms.ResolveAsync(call.CausedBy, call["roomIdOrAlias"], stop);
        if (!room.IsOk) return RoomAnswers.Of(room.Failure);
        var merged = await extremities.MergeAsync(room.Value, stop);
        await audit.RecordAsync(call.Actor(), "room.merge_extremities", room.Value, merged.Failure?.Message);
        return merged.IsOk
            ? Answer.Json(merged.Value, static (json, merged) => json.WriteNumber("deleted", merged))
            : RoomAnswers.Of(merged.Failure);
    }
}
