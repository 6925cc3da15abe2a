using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.DelayedEvents;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Aliases;

namespace Matrix.Host.Api.Client.RoomEvents;

/// <summary>State events. v1.19 client-server-api#sending-events-to-a-room</summary>
internal sealed class SendState(
    RoomSender sender,
    RoomMemberships memberships,
    Rooms.Delayed.DelayedEvents delayed,
    RoomSnapshots rooms,
    StateReader reader,
    AliasesTable aliases)
    : IEndpoints
{
    private static readonly RouteOptions _event = new()
    {
        Access = Access.UsersAndGuests,
        Rate = RateClass.Send,
        Body = BodyLimit.Event,
        CanonicalBody = true,
        OpenToSuspended = true,
    };

    private static readonly Answer _guestKnocks = Answer.Error(
        403, MatrixError.GuestAccessForbidden, "Guests cannot knock.");

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey
        routes.Of(RouteOwner.Room).Put(
            "rooms/{roomId}/state/{eventType}/{stateKey?}", static body => body.Whole, PutAsync, _event);
    }

    private async ValueTask<Answer> PutAsync(Call call, JsonObject content, CancellationToken stop)
    {
        var (roomId, type, stateKey) = (call["roomId"], call["eventType"], call["stateKey"]);
        var user = call.Caller.UserId;
        if (call.Caller.IsSuspended && SuspendedUsers.RefusesState(user, type, stateKey, content) is { } refused)
        {
            return RoomAnswers.Of(refused);
        }

        if (call.Caller.IsGuest && type == EventTypes.Member && content.Text("membership") == "knock")
        {
            return _guestKnocks;
        }

        var timestamp = ServiceAnswers.Timestamp(call, out var problem);
        if (problem is not null) return problem;
        var delay = Delays.Of(call, out problem);
        if (problem is not null) return problem;
        if (type == EventTypes.Member && call.Count(RateClass.Membership) is { } tooMany) return tooMany;
        if (delay is null && type == EventTypes.Member)
        {
            return RoomAnswers.EventId(await memberships.SetAsync(user, roomId, stateKey, content, timestamp, stop));
        }

        if (type == EventTypes.CanonicalAlias
            && await WrongAliasAsync(user, roomId, content, stop) is { } wrong)
        {
            return wrong;
        }

        var draft = Draft.State(type, stateKey, user, content);
        return delay is { } later
            ? await Delays.ScheduleAsync(delayed, call, draft, later, null, timestamp, stop)
            : RoomAnswers.EventId(await sender.SendStateAsync(roomId, draft, timestamp, stop));
    }

    /// <summary>
    /// Aliases that the event adds must exist and belong to this room; those it already had are not checked.
    /// </summary>
    private async ValueTask<Answer?> WrongAliasAsync(
        string user, string roomId, JsonObject content, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !snapshot.Local.IsJoined(user))
        {
            return RoomAnswers.Of(RoomFailure.Unknown);
        }

        var before = await reader.ContentAsync(snapshot, EventTypes.CanonicalAlias, "", stop);
        if (WrongForm(content) is { } wrong) return wrong;
        var known = before is null ? [] : AliasesIn(before).ToHashSet();
        foreach (var alias in AliasesIn(content))
        {
            if (known.Contains(alias)) continue;
            if (!RoomAlias.IsValid(alias)) return Answer.InvalidParam($"`{alias}` is not a valid room alias.");
            var row = await aliases.FindAsync(alias, stop);
            if (row?.RoomId != roomId)
            {
                return Answer.Error(400, MatrixError.BadAlias, $"The alias {alias} does not point to this room.");
            }
        }

        return null;
    }

    /// <summary>
    /// The error for a value that is not an alias or a list of aliases. A null or empty alias means none.
    /// </summary>
    private static Answer? WrongForm(JsonObject content)
    {
        var (alias, others) = (content.IndexOf("alias"), content.IndexOf("alt_aliases"));
        if (alias >= 0 && content.Value(alias) is not (Json.String or { IsNull: true }))
        {
            return Answer.InvalidParam("`alias` must be a room alias.");
        }

        return others < 0
            || (content.Value(others) is Json.Array list && Array.TrueForAll(list.Item, item => item.IsString))
            ? null
            : Answer.InvalidParam("`alt_aliases` must be a list of room aliases.");
    }

    private static IEnumerable<string> AliasesIn(JsonObject content)
    {
        if (content.Text("alias") is { Length: > 0 } alias) yield return alias;
        var at = content.IndexOf("alt_aliases");
        if (at < 0 || content.Value(at) is not Json.Array others) yield break;
        foreach (var other in others.Item)
        {
            if (other is Json.String text) yield return text.Item;
        }
    }
}
