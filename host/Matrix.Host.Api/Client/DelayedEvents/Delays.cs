using Matrix.Core.Room;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Delayed;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Api.Client.DelayedEvents;

/// <summary>The delay in a request that sends an event. MSC4140, "Scheduling a delayed event".</summary>
internal static class Delays
{
    private const string Parameter = "org.matrix.msc4140.delay";
    private const string ErrorMember = "org.matrix.msc4140.errcode";

    /// <summary>The milliseconds after which the event is to be sent; null if it is to be sent now.</summary>
    internal static long? Of(Call call, out Answer? problem)
    {
        problem = null;
        if (!call.HasQuery) return null;
        var delay = call.Query.Number(Parameter);
        problem = call.Query.Problem
            ?? (delay is < 1 ? Answer.InvalidParam($"`{Parameter}` must be at least 1.") : null);
        return problem is null ? delay : null;
    }

    /// <summary>Schedules the event, and answers with its `delay_id`.</summary>
    internal static async ValueTask<Answer> ScheduleAsync(
        Rooms.Delayed.DelayedEvents delayed,
        Call call,
        Draft draft,
        long delay,
        TransactionKey? key,
        long? timestamp,
        CancellationToken stop)
    {
        var result = await delayed.ScheduleAsync(
            call.Caller.Device, call["roomId"], draft, delay, key, timestamp, stop);
        return result.Refusal switch
        {
            ScheduleRefusal.None => Answer.Json(
                result.DelayId, static (json, delayId) => json.WriteString("delay_id", delayId)),
            ScheduleRefusal.TooLong => Answer.Error(
                400,
                MatrixError.Unknown,
                $"The delay is longer than {delayed.Longest.TotalMilliseconds:0} ms.",
                json =>
                {
                    json.WriteString(ErrorMember, "M_MAX_DELAY_EXCEEDED");
                    json.WriteNumber("org.matrix.msc4140.max_delay", (long)delayed.Longest.TotalMilliseconds);
                }),
            ScheduleRefusal.TooMany => Answer.Error(
                400,
                MatrixError.Unknown,
                "Too many events wait to be sent.",
                static json => json.WriteString(ErrorMember, "M_MAX_DELAYED_EVENTS_EXCEEDED")),
            _ => RoomAnswers.Of(RoomFailure.Unknown),
        };
    }
}
