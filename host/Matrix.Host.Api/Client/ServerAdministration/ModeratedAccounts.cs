using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;

namespace Matrix.Host.Api.Client.ServerAdministration;

/// <summary>Locked and suspended accounts. v1.19 client-server-api#server-administration</summary>
internal sealed class ModeratedAccounts(AccountModeration moderation) : IEndpoints
{
    private const string LockPath = "admin/lock/{userId}";
    private const string SuspendPath = "admin/suspend/{userId}";
    private const string Locked = "locked";
    private const string Suspended = "suspended";

    public void Map(ClientRoutes routes)
    {
        // The caller is checked before the user is looked up, so that nobody else learns which users there are.
        var admins = new RouteOptions { Access = Access.Admins };
        var v1 = routes.Of(RouteOwner.Nobody).V1;
        // v1.19 client-server-api#get_matrixclientv1adminlockuserid
        v1.Get(LockPath, (call, stop) => GetAsync(call, Locked, static user => user.IsLocked, stop), admins);
        // v1.19 client-server-api#put_matrixclientv1adminlockuserid
        v1.Put(
            LockPath,
            static body => body.RequiredFlag(Locked),
            (call, locked, stop) => PutAsync(call, moderation.LockAsync, Locked, locked, stop),
            admins);
        // v1.19 client-server-api#get_matrixclientv1adminsuspenduserid
        v1.Get(SuspendPath, (call, stop) => GetAsync(call, Suspended, static user => user.IsSuspended, stop), admins);
        // v1.19 client-server-api#put_matrixclientv1adminsuspenduserid
        v1.Put(
            SuspendPath,
            static body => body.RequiredFlag(Suspended),
            (call, suspended, stop) => PutAsync(call, moderation.SuspendAsync, Suspended, suspended, stop),
            admins);
    }

    private delegate ValueTask<UserFailure?> Change(
        AdminActor actor, string userId, bool value, CancellationToken stop);

    private async ValueTask<Answer> GetAsync(
        Call call, string member, Func<UserRow, bool> value, CancellationToken stop)
    {
        var found = await moderation.FindAsync(call.Caller.UserId, call["userId"], stop);
        return found.IsOk ? AnswerOf(member, value(found.Value)) : UserAnswers.Of(found.Failure);
    }

    private static async ValueTask<Answer> PutAsync(
        Call call, Change change, string member, bool value, CancellationToken stop)
    {
        var actor = new AdminActor(call.Caller.UserId, call.Address);
        return await change(actor, call["userId"], value, stop) is { } failure
            ? UserAnswers.Of(failure)
            : AnswerOf(member, value);
    }

    private static Answer AnswerOf(string member, bool value) =>
        Answer.Json((member, value), static (json, it) => json.WriteBoolean(it.member, it.value));
}
