using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Rooms: their creation, memberships, events and state. The 2014 Client-Server API, "Rooms". What an old client writes
/// becomes today's event, and it reads today's state in the old shape.
/// </summary>
internal sealed class LegacyRooms(LegacyRoomReader rooms, ClientOptions options) : ILegacyGroup
{
    private const string StatePath = "rooms/{roomId}/state/{eventType}/{stateKey?}";

    private CurrentOperation _create = null!;
    private CurrentOperation _send = null!;
    private CurrentOperation _redact = null!;
    private CurrentOperation _receipt = null!;
    private CurrentOperation _getState = null!;
    private CurrentOperation _putState = null!;

    public void Map(LegacyRoutes routes)
    {
        _create = routes.Current.Of("POST", "createRoom");
        _send = routes.Current.Of("PUT", "rooms/{roomId}/send/{eventType}/{txnId}");
        _redact = routes.Current.Of("PUT", "rooms/{roomId}/redact/{eventId}/{txnId}");
        _receipt = routes.Current.Of("POST", "rooms/{roomId}/receipt/{receiptType}/{eventId}");
        _getState = routes.Current.Of("GET", StatePath);
        _putState = routes.Current.Of("PUT", StatePath);

        routes.Post("createRoom", _create, LegacyRoutes.Whole, CreateAsync);
        routes.Same(
            "POST",
            "join/{roomIdOrAlias}",
            "rooms/{roomId}/join",
            "rooms/{roomId}/invite",
            "rooms/{roomId}/leave",
            "rooms/{roomId}/kick",
            "rooms/{roomId}/ban");
        routes.Same("PUT", "rooms/{roomId}/typing/{userId}");
        routes.Send("rooms/{roomId}/send/{eventType}", _send, static body => body, SendAsync);
        routes.Send(
            $"rooms/{{roomId}}/redact/{{{LegacyIds.Parameter}}}", _redact, LegacyRoutes.Whole, RedactAsync);
        routes.Get(StatePath, _getState, GetStateAsync);
        routes.Put(StatePath, _putState, static body => body, PutStateAsync);
    }

    private async ValueTask<Answer> CreateAsync(Call call, JsonObject body, CancellationToken stop)
    {
        if (options.Legacy.PublicRooms) body = body.WithDefault("visibility", Json.Of("public"));
        var answer = await _create.CallAsync(call, body, stop);
        return body.Text("room_alias_name") is { } name
            ? answer.Change(json => json.With(("room_alias", Json.Of($"#{name}:{options.ServerName}"))))
            : answer;
    }

    private async ValueTask<Answer> SendAsync(Call call, BodyReader body, string txnId, CancellationToken stop)
    {
        if (call["eventType"] == LegacyFeedback.Type)
        {
            var target = LegacyFeedback.ReadTarget(body);
            if (body.Problem is { } wrong) return wrong;
            if (target is not null)
            {
                var set = await _receipt.CallAsync(
                    call, JsonObject.Empty, stop, "", ("receiptType", "m.read"), ("eventId", target));
                var id = LegacyFeedback.IdOf(target, call.Caller.UserId);
                return set.Change(json => json.With(("event_id", Json.Of(id))));
            }
        }

        return await _send.CallAsync(call, body.Whole, stop, "", ("txnId", txnId));
    }

    private ValueTask<Answer> RedactAsync(Call call, JsonObject body, string txnId, CancellationToken stop) =>
        LegacyIds.TryRead(call, out var eventId, out _)
            ? _redact.CallAsync(call, body, stop, "", ("txnId", txnId), ("eventId", eventId))
            : ValueTask.FromResult(LegacyIds.Invalid);

    private async ValueTask<Answer> GetStateAsync(Call call, CancellationToken stop)
    {
        var type = call["eventType"];
        var part = call["stateKey"].Length == 0 ? LegacyPowerLevels.PartOf(type) : null;
        if (part is null && type is not (LegacyPowerLevels.Type or EventTypes.Create))
        {
            return await _getState.CallAsync(call, null, stop);
        }

        var answer = await _getState.CallAsync(
            call, null, stop, "format=event", ("eventType", part is null ? type : LegacyPowerLevels.Type));
        var (today, error) = await answer.ObjectAsync(stop);
        if (today is null) return error!;
        var power = await rooms.FindAsync(call.Caller.UserId, call["roomId"], stop);
        var old = part is null ? LegacyEvents.One(today, power) : LegacyEvents.Part(today, part, power);
        return LegacyJson.AnswerOf(old.Inner("content") ?? JsonObject.Empty);
    }

    private async ValueTask<Answer> PutStateAsync(Call call, BodyReader body, CancellationToken stop)
    {
        var type = call["eventType"];
        var part = LegacyPowerLevels.PartOf(type);
        if (call["stateKey"].Length > 0 || (part is null && type != LegacyPowerLevels.Type))
        {
            return await _putState.CallAsync(call, body.Whole, stop);
        }

        // Whoever is not in the room is refused by today's operation, whatever they write.
        var power = await rooms.FindAsync(call.Caller.UserId, call["roomId"], stop);
        var today = power?.PowerLevels ?? JsonObject.Empty;
        var content = part is null
            ? LegacyPowerLevels.Merge(body, today, power?.Creators ?? [])
            : LegacyPowerLevels.WithPart(body, part, today);
        return content is null
            ? body.Problem!
            : await _putState.CallAsync(call, content, stop, "", ("eventType", LegacyPowerLevels.Type));
    }
}
