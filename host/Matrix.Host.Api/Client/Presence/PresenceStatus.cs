using Matrix.Core.Presence;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Api.Client.Presence;

/// <summary>Sets and reads presence. v1.19 client-server-api#presence</summary>
internal sealed class PresenceStatus(UserPresences presences) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("You can only set your own presence.");

    private sealed record Wanted(PresenceState State, string? Message);

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3presenceuseridstatus
        routes.Of(RouteOwner.Nobody).Get("presence/{userId}/status", GetAsync);
        // v1.19 client-server-api#put_matrixclientv3presenceuseridstatus
        routes.Of(RouteOwner.Caller).Put(
            "presence/{userId}/status", Read, PutAsync, new RouteOptions { Rate = RateClass.Send });
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var found = await presences.FindAsync(call.Caller.UserId, call["userId"], stop);
        return found.IsOk
            ? Answer.Json(found.Value, static (json, seen) => seen.WriteContent(json))
            : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutAsync(Call call, Wanted wanted, CancellationToken stop) =>
        call["userId"] == call.Caller.UserId
            ? UserAnswers.Empty(await presences
                .SetAsync(call.Caller.Device, wanted.State, wanted.Message, stop))
            : _notYours;

    private static Wanted Read(BodyReader body)
    {
        var text = body.RequiredText("presence");
        if (!PresenceStates.TryParse(text, out var state))
        {
            body.Refuse(MatrixError.InvalidParam, "`presence` must be online, unavailable or offline.");
        }

        return new Wanted(state, body.TextOrNull("status_msg"));
    }
}
