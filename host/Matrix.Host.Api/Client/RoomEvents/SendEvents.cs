using System.Runtime.CompilerServices;
using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.DelayedEvents;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Api.Client.RoomEvents;

/// <summary>
/// Message events and redactions. v1.19 client-server-api#sending-events-to-a-room, v1.19 client-server-api#redactions
/// </summary>
internal sealed class SendEvents(
    RoomSender sender, SuspendedUsers suspended, Rooms.Delayed.DelayedEvents delayed) : IEndpoints
{
    private static readonly RouteOptions _event = new()
    {
        Access = Access.UsersAndGuests,
        Rate = RateClass.Send,
        Body = BodyLimit.Event,
        CanonicalBody = true,
        OpenToSuspended = true,
        IsBrief = true,
    };

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#put_matrixclientv3roomsroomidsendeventtypetxnid
        routes.Of(RouteOwner.Room).Put(
            "rooms/{roomId}/send/{eventType}/{txnId}", static body => body.Whole, SendAsync, _event);
        // v1.19 client-server-api#put_matrixclientv3roomsroomidredacteventidtxnid
        routes.Of(RouteOwner.Room).Put(
            "rooms/{roomId}/redact/{eventId}/{txnId}",
            static body => body.FreeText("reason"),
            RedactAsync,
            _event with { Access = Access.Users, BodyMayBeMissing = true });
    }

    // Pooled state machines: otherwise the garbage collector moves the state that waits for the disk.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Answer> SendAsync(Call call, JsonObject content, CancellationToken stop)
    {
        var type = call["eventType"];
        if (type == EventTypes.Redaction && WrongTarget(content) is { } wrong) return wrong;
        if (call.Caller.IsSuspended
            && await RefusalAsync(call, type, content, content.Text("redacts"), stop)
                is { } refused)
        {
            return refused;
        }

        var timestamp = ServiceAnswers.Timestamp(call, out var problem);
        if (problem is not null) return problem;
        var draft = new Draft(type, null, call.Caller.UserId, content, null);
        if (Delays.Of(call, out problem) is { } delay)
        {
            return await Delays.ScheduleAsync(delayed, call, draft, delay, KeyOf(call, "delay", type), timestamp, stop);
        }

        if (problem is not null) return problem;
        return RoomAnswers.EventId(
            await sender.SendAsync(
                call.Caller.Device,
                call["roomId"],
                draft,
                KeyOf(call, "send", type),
                timestamp,
                stop));
    }

    /// <summary>The error for an event of a suspended user; null if they may send it.</summary>
    private async ValueTask<Answer?> RefusalAsync(
        Call call, string type, JsonObject content, string? redacts, CancellationToken stop) =>
        await suspended.RefusesEventAsync(
            call.Caller.UserId, call["roomId"], type, content, redacts, stop) is { } failure
            ? RoomAnswers.Of(failure)
            : null;

    /// <summary>The error for the event id that a redaction's content names; null if it is valid.</summary>
    private static Answer? WrongTarget(JsonObject content)
    {
        var at = content.IndexOf("redacts");
        if (at < 0) return null;
        if (content.Value(at) is not Json.String target) return Answer.BadJson("`redacts` must be a string.");
        return EventId.IsValid(target.Item) ? null : Answer.InvalidParam("`redacts` is not a valid event id.");
    }

    private async ValueTask<Answer> RedactAsync(Call call, string? reason, CancellationToken stop)
    {
        var target = call["eventId"];
        var content = reason is null ? JsonObject.Empty : JsonObject.OfSeq([("reason", Json.Of(reason))]);
        if (call.Caller.IsSuspended
            && await RefusalAsync(call, EventTypes.Redaction, content, target, stop) is { } refused)
        {
            return refused;
        }

        var draft = new Draft(EventTypes.Redaction, null, call.Caller.UserId, content, target);
        return RoomAnswers.EventId(
            await sender.SendAsync(
                call.Caller.Device,
                call["roomId"],
                draft,
                KeyOf(call, "redact", target),
                null,
                stop));
    }

    /// <summary>
    /// Requests with the same key are the same request: same device, same path, same transaction id.
    /// </summary>
    private static TransactionKey KeyOf(Call call, string verb, string what) =>
        new(call.Caller.UserId, call.Caller.DeviceId, $"{verb}/{call["roomId"]}/{what}", call["txnId"]);
}
