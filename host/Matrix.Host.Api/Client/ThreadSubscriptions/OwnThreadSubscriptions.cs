using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;

namespace Matrix.Host.Api.Client.ThreadSubscriptions;

/// <summary>A user's subscription to a thread: read, made and ended. MSC4306, which is not merged.</summary>
internal sealed class OwnThreadSubscriptions(Rooms.Threads.ThreadSubscriptions subscriptions) : IEndpoints
{
    private const string Path = "rooms/{roomId}/thread/{eventId}/subscription";

    private static readonly Answer _none = Answer.NotFound("You are not subscribed to this thread, or may not see it.");

    public void Map(ClientRoutes routes)
    {
        var unstable = routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/io.element.msc4306/");
        unstable.Get(Path, GetAsync);
        unstable.Put(Path, static body => body.Text("automatic"), PutAsync, RouteOptions.AlsoSuspended);
        unstable.Delete(Path, DeleteAsync, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var state = await subscriptions.FindAsync(call.Caller.UserId, call["roomId"], call["eventId"], stop);
        return state is null
            ? _none
            : Answer.Json(
                state == SubscriptionState.Automatic, static (json, isIt) => json.WriteBoolean("automatic", isIt));
    }

    private async ValueTask<Answer> PutAsync(Call call, string? automatic, CancellationToken stop) => Of(
        await subscriptions.SubscribeAsync(call.Caller.UserId, call["roomId"], call["eventId"], automatic, stop));

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) => Of(
        await subscriptions.UnsubscribeAsync(call.Caller.UserId, call["roomId"], call["eventId"], stop));

    private static Answer Of(SubscriptionOutcome outcome) => outcome switch
    {
        SubscriptionOutcome.Done => Answer.Empty,
        SubscriptionOutcome.UnknownCause => Answer.NotFound("`automatic` is no event, or you may not see it."),
        SubscriptionOutcome.NotInThread => Answer.Error(
            400, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD", "`automatic` must be an event in the thread."),
        SubscriptionOutcome.Conflict => Answer.Error(
            409,
            "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION",
            "The user unsubscribed after the event that would cause the subscription."),
        SubscriptionOutcome.TooMany => Answer.Forbidden("You are subscribed to too many threads."),
        _ => Answer.NotFound("There is no such thread, or you may not see it."),
    };
}
