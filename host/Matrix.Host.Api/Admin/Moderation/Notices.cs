using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Admin.Moderation;

/// <summary>
/// `/_synapse/admin/v1/send_server_notice`: a notice in the user's room of server notices. Only text can be sent. A
/// repeated transaction id of the administrator returns the first notice, as long as it is remembered.
/// </summary>
internal sealed class Notices(NoticeSending notices, ShardGates gates) : IEndpoints
{
    private readonly AnsweredOnce _sent = new(most: 1000, gates);

    private sealed record Notice(string UserId, string Text, bool IsActive);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.InBody).Post("send_server_notice", Read, PostAsync);
        admin.Of(RouteOwner.Caller).Put("send_server_notice/{txnId}", Read, PutAsync);
    }

    private static Notice Read(BodyReader body)
    {
        var userId = body.RequiredText("user_id");
        if (body.Problem is null && !UserId.IsValid(userId))
        {
            body.Refuse(MatrixError.InvalidParam, "`user_id` is not a valid user id.");
        }

        if (body.Has("state_key") || body.TextOrNull("type") is not (null or EventTypes.Message))
        {
            body.Refuse(MatrixError.InvalidParam, "Notices are messages: `type` and `state_key` cannot be set.");
        }

        var content = body.RequiredInner("content");
        if (content.TextOrNull("msgtype") is not (null or "m.text" or "m.notice"))
        {
            body.Refuse(MatrixError.InvalidParam, "Notices are text: `msgtype` must be m.text or m.notice.");
        }

        // `pin` is a member of this server only.
        return new Notice(userId, content.RequiredFreeText("body"), body.Flag("pin"));
    }

    private ValueTask<Answer> PutAsync(Call call, Notice notice, CancellationToken stop) => _sent.OnceAsync(
        Authority.User(call.Caller.UserId),
        call.Caller.UserId,
        call["txnId"],
        () => PostAsync(call, notice, stop),
        stop);

    private async ValueTask<Answer> PostAsync(Call call, Notice notice, CancellationToken stop) => RoomAnswers.EventId(
        await notices.SendAsync(call.Actor(), notice.UserId, notice.Text, notice.IsActive, stop));
}
