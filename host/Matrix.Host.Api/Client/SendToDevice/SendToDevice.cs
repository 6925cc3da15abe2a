using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Users.ToDevice;

namespace Matrix.Host.Api.Client.SendToDevice;

/// <summary>
/// Messages to devices: `PUT /sendToDevice/{eventType}/{txnId}`. v1.19 client-server-api#send-to-device-messaging
/// </summary>
internal sealed class SendToDevice(ToDeviceSender sender) : IEndpoints
{
    // v1.19 client-server-api#put_matrixclientv3sendtodeviceeventtypetxnid
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Caller).Put(
        "sendToDevice/{eventType}/{txnId}",
        Read,
        Send,
        new RouteOptions
        {
            Access = Access.UsersAndGuests,
            Rate = RateClass.Send,
            Body = BodyLimit.Large,
            OpenToSuspended = true,
            IsBrief = true,
        });

    private async ValueTask<Answer> Send(Call call, List<ToDeviceMessage> messages, CancellationToken stop)
    {
        var caller = call.Caller;
        var type = call["eventType"];
        if (caller.IsSuspended && SuspendedUsers.RefusesToDevice(type) is { } refused) return RoomAnswers.Of(refused);
        var transaction = new TransactionKey(caller.UserId, caller.DeviceId, $"sendToDevice/{type}", call["txnId"]);
        var failure = await sender.SendAsync(caller.UserId, transaction, type, messages, stop);
        return failure is null ? Answer.Empty : UserAnswers.Of(failure);
    }

    private static List<ToDeviceMessage> Read(BodyReader body)
    {
        var messages = new List<ToDeviceMessage>();
        var users = body.RequiredInner("messages");
        foreach (var (user, devices) in users.Members())
        {
            if (!UserId.IsValid(user))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{users.PathOf(user)}` is not a user id.");
            }

            foreach (var (device, content) in devices.Members())
            {
                messages.Add(new ToDeviceMessage(user, device, content.Whole));
            }
        }

        return messages;
    }
}
