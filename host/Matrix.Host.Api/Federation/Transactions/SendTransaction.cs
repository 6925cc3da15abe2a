using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Inbound;

namespace Matrix.Host.Api.Federation.Transactions;

/// <summary>Transactions of other servers. Server-Server API, "Transactions".</summary>
internal sealed class SendTransaction(ReceivedTransactions transactions) : IFederationEndpoints
{
    public void Map(FederationRoutes routes) => routes.Put(
        "send/{txnId}", Read, SendAsync, RouteOptions.ForServers with { Body = BodyLimit.Transaction });

    private static List<JsonObject> Read(BodyReader body)
    {
        var pdus = body.RequiredItems("pdus");
        if (pdus.Length > ReceivedTransactions.MaxPdus)
        {
            body.Refuse(
                MatrixError.TooLarge, $"A transaction has at most {ReceivedTransactions.MaxPdus} PDUs.");
        }

        if (body.Items("edus") is { Length: > ReceivedTransactions.MaxEdus })
        {
            body.Refuse(
                MatrixError.TooLarge, $"A transaction has at most {ReceivedTransactions.MaxEdus} EDUs.");
        }

        // Anything but an object has no id by which the response could name it.
        return [.. pdus.OfType<Json.Object>().Select(pdu => pdu.Item)];
    }

    private async ValueTask<Answer> SendAsync(Call call, List<JsonObject> pdus, CancellationToken stop)
    {
        var response = await transactions.ReceiveAsync(
            call.Peer.ServerName, call["txnId"], pdus, stop).ConfigureAwait(false);
        return Answer.Bytes(JsonText.Write(response));
    }
}
