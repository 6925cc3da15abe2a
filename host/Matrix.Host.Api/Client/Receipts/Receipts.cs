using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Receipts;

namespace Matrix.Host.Api.Client.Receipts;

/// <summary>Receipts. v1.19 client-server-api#receipts</summary>
internal sealed class Receipts(ReceiptWriter receipts) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
        "rooms/{roomId}/receipt/{receiptType}/{eventId}",
        ReadThread,
        Post,
        new RouteOptions { Rate = RateClass.Send, BodyMayBeMissing = true, OpenToSuspended = true, IsBrief = true });

    private async ValueTask<Answer> Post(Call call, string thread, CancellationToken stop)
    {
        string type = call["receiptType"];
        if (type is not (ReceiptTypes.Read or ReceiptTypes.ReadPrivate or ReceiptTypes.FullyRead))
        {
            return Answer.InvalidParam("The receipt's type must be `m.read`, `m.read.private` or `m.fully_read`.");
        }

        if (type == ReceiptTypes.FullyRead && thread.Length > 0)
        {
            return Answer.InvalidParam("`m.fully_read` cannot have a `thread_id`.");
        }

        var marker = new Marker(type, call["eventId"], thread);
        return Of(await receipts.SetAsync(call.Caller.UserId, call["roomId"], [marker], stop));
    }

    /// <summary>The response to a failure of a marker.</summary>
    internal static Answer Of(MarkerFault fault) => fault switch
    {
        MarkerFault.NotJoined => Answer.Forbidden("You are not in this room."),
        MarkerFault.UnknownEvent => Answer.InvalidParam("There is no such event in this room."),
        MarkerFault.NotInThread => Answer.InvalidParam("The event is not in the thread `thread_id`."),
        _ => Answer.Empty,
    };

    private static string ReadThread(BodyReader body)
    {
        if (!body.Has("thread_id")) return "";
        if (body.Whole.Value(body.Whole.IndexOf("thread_id")) is Json.String { Item.Length: > 0 })
        {
            return body.RequiredText("thread_id");
        }

        body.Refuse(MatrixError.InvalidParam, "`thread_id` must be a non-empty string.");
        return "";
    }
}
