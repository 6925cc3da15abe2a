using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>Account data, also of rooms. v1.19 client-server-api#client-config</summary>
internal sealed class AccountData(UserAccountData data, ClientOptions options) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("You can only use your own account data.");

    public void Map(ClientRoutes routes)
    {
        var put = new RouteOptions { Body = BodyLimit.Event, OpenToSuspended = true };
        // v1.19 client-server-api#get_matrixclientv3useruseridaccount_datatype
        routes.Of(RouteOwner.Nobody).Get("user/{userId}/account_data/{type}", GetAsync);
        // v1.19 client-server-api#put_matrixclientv3useruseridaccount_datatype
        routes.Of(RouteOwner.Caller).Put("user/{userId}/account_data/{type}", static body => body.Whole, PutAsync, put);
        // v1.19 client-server-api#get_matrixclientv3useruseridroomsroomidaccount_datatype
        routes.Of(RouteOwner.Nobody).Get("user/{userId}/rooms/{roomId}/account_data/{type}", GetAsync);
        // v1.19 client-server-api#put_matrixclientv3useruseridroomsroomidaccount_datatype
        routes.Of(RouteOwner.Caller).Put(
            "user/{userId}/rooms/{roomId}/account_data/{type}", static body => body.Whole, PutAsync, put);

        // MSC3391 is not merged: clients look for its flag in `/versions`.
        var unstable = routes.Of(RouteOwner.Caller).At("/_matrix/client/unstable/org.matrix.msc3391/");
        unstable.Delete("user/{userId}/account_data/{type}", DeleteAsync, RouteOptions.AlsoSuspended);
        unstable.Delete("user/{userId}/rooms/{roomId}/account_data/{type}", DeleteAsync, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var found = await data.FindAsync(call.Caller.UserId, RoomOf(call), call["type"], stop);
        return found.IsOk ? Answer.Bytes(found.Value) : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> PutAsync(Call call, JsonObject content, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var failure = await data.PutAsync(call.Caller.UserId, RoomOf(call), call["type"], content, stop);
        return failure is null ? Answer.Empty : UserAnswers.Of(failure, options);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var failure = await data.DeleteAsync(call.Caller.UserId, RoomOf(call), call["type"], stop);
        return failure is null ? Answer.Empty : UserAnswers.Of(failure, options);
    }

    private static string? RoomOf(Call call) => call["roomId"] is { Length: > 0 } roomId ? roomId : null;
}
