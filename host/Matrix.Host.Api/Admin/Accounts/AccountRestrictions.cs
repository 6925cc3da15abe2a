using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>
/// Locked and suspended accounts, for tools: `suspend/{user}` as they know it, and `lock/{user}` of this server.
/// </summary>
internal sealed class AccountRestrictions(AccountModeration moderation) : IEndpoints
{
    private delegate ValueTask<UserFailure?> Change(
        AdminActor actor, string userId, bool value, CancellationToken stop);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Put(
            "suspend/{userId}",
            static body => body.RequiredFlag("suspend"),
            (call, value, stop) => PutAsync(call, moderation.SuspendAsync, "suspended", value, stop));
        admin.Put(
            "lock/{userId}",
            static body => body.RequiredFlag("lock"),
            (call, value, stop) => PutAsync(call, moderation.LockAsync, "locked", value, stop));
    }

    private static async ValueTask<Answer> PutAsync(
        Call call, Change change, string state, bool value, CancellationToken stop) =>
        await change(call.Actor(), call["userId"], value, stop) is { } failure
            ? UserAnswers.Of(failure)
            : Answer.Json(
                (Name: $"user_{call["userId"]}_{state}", value),
                static (json, it) => json.WriteBoolean(it.Name, it.value));
}
