using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>Tags of rooms. v1.19 client-server-api#room-tagging</summary>
internal sealed class Tags(RoomTags tags, ClientOptions options) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("You can only use your own tags.");

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3useruseridroomsroomidtags
        routes.Of(RouteOwner.Nobody).Get("user/{userId}/rooms/{roomId}/tags", GetAsync);
        // v1.19 client-server-api#put_matrixclientv3useruseridroomsroomidtagstag
        routes.Of(RouteOwner.Caller).Put(
            "user/{userId}/rooms/{roomId}/tags/{tag}", ReadTag, PutAsync, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#delete_matrixclientv3useruseridroomsroomidtagstag
        routes.Of(RouteOwner.Caller).Delete(
            "user/{userId}/rooms/{roomId}/tags/{tag}", DeleteAsync, RouteOptions.AlsoSuspended);
    }

    private static JsonObject ReadTag(BodyReader body)
    {
        if (body.Whole.IndexOf("order") is >= 0 and var at && !IsOrder(body.Whole.Value(at)))
        {
            body.Refuse(MatrixError.BadJson, "`order` must be a number from 0 to 1.");
        }

        return body.Whole;
    }

    private static bool IsOrder(Json value) => value switch
    {
        Json.Int i => i.Item is 0 or 1,
        Json.Float f => f.Item is >= 0 and <= 1,
        _ => false,
    };

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var found = await tags.FindAsync(call.Caller.UserId, call["roomId"], stop);
        return found.IsOk ? Answer.Bytes(found.Value) : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutAsync(Call call, JsonObject tag, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var failure = await tags.PutAsync(call.Caller.UserId, call["roomId"], call["tag"], tag, stop);
        return failure is null ? Answer.Empty : UserAnswers.Of(failure, options);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) =>
        call["userId"] == call.Caller.UserId
            ? UserAnswers.Empty(
                await tags.DeleteAsync(call.Caller.UserId, call["roomId"], call["tag"], stop))
            : _notYours;
}
