using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>What a user's clients keep on the server for each other. Client-Server API, "Client Config".</summary>
internal sealed class AccountData(IStorage storage, RoomNumbers rooms, UserPushRules pushRules, ClientOptions options) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden("Account data is its user's alone.");
    private static readonly Answer _none = Answer.NotFound("There is no account data of this type.");

    public void Map(ClientRoutes routes)
    {
        var put = new RouteOptions { Body = BodyLimit.Event };
        routes.Get("user/{userId}/account_data/{type}", GetAsync);
        routes.Put("user/{userId}/account_data/{type}", static body => body.Whole, PutAsync, put);
        routes.Get("user/{userId}/rooms/{roomId}/account_data/{type}", GetAsync);
        routes.Put("user/{userId}/rooms/{roomId}/account_data/{type}", static body => body.Whole, PutAsync, put);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var (room, isKnown) = await rooms.OfCallAsync(call, stop).ConfigureAwait(false);
        if (!isKnown) return _none;
        if (room is null && call["type"] == AccountDataTypes.PushRules)
        {
            var all = await pushRules.OfAsync(call.Caller.UserId, stop).ConfigureAwait(false);
            return Answer.Bytes(CanonicalJson.bytes(Json.NewObject(all.ToContent())));
        }

        var row = await storage.AccountData.FindAsync(call.Caller.UserId, room, call["type"], stop).ConfigureAwait(false);
        return row is null ? _none : Answer.Bytes(row.Content);
    }

    private async ValueTask<Answer> PutAsync(Call call, JsonObject content, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        if (AccountDataTypes.Judge(call["type"]) is { } refusal) return refusal;
        var (room, isKnown) = await rooms.OfCallAsync(call, stop).ConfigureAwait(false);
        if (!isKnown) return RoomNumbers.Unknown;

        if (await storage.AccountData.FindAsync(call.Caller.UserId, room, call["type"], stop).ConfigureAwait(false) is null
            && await storage.AccountData.CountAsync(call.Caller.UserId, stop).ConfigureAwait(false) >= options.AccountData)
        {
            return AccountLimits.Reached(options, $"An account has at most {options.AccountData} pieces of account data.");
        }

        var put = new AccountDataPut(call.Caller.UserId, room, call["type"], CanonicalJson.bytes(Json.NewObject(content)));
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(put), stop).ConfigureAwait(false);
        return Answer.Empty;
    }
}
