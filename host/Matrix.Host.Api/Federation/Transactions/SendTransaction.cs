using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Federation.Transactions.Edus;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Inbound;

namespace Matrix.Host.Api.Federation.Transactions;

/// <summary>Transactions of other servers. v1.19 server-server-api#transactions</summary>
internal sealed class SendTransaction(ReceivedTransactions transactions, ReceivedEdus edus) : IFederationEndpoints
{
    // v1.19 server-server-api#put_matrixfederationv1sendtxnid
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Origin).Put(
        "send/{txnId}", Read, SendAsync, RouteOptions.ForServers with { Body = BodyLimit.Transaction, IsBrief = true });

    private static TransactionBody Read(BodyReader body)
    {
        var pdus = body.RequiredItemsOrNull("pdus");
        if (pdus.Length > ReceivedTransactions.MaxPdus)
        {
            body.Refuse(
                MatrixError.TooLarge, $"A transaction has at most {ReceivedTransactions.MaxPdus} PDUs.");
        }

        var edus = body.ItemsOrNull("edus");
        if (edus.Length > ReceivedTransactions.MaxEdus)
        {
            body.Refuse(
                MatrixError.TooLarge, $"A transaction has at most {ReceivedTransactions.MaxEdus} EDUs.");
        }

        // A PDU that is no object has no id by which the response could name it.
        return new TransactionBody([.. pdus.OfType<Json.Object>().Select(pdu => pdu.Item)], edus);
    }

    private async ValueTask<Answer> SendAsync(Call call, TransactionBody body, CancellationToken stop)
    {
        var origin = call.Peer.ServerName;
        var response = await transactions.ReceiveAsync(
            origin, call["txnId"], body.Pdus, stop => edus.ReceiveAsync(origin, body.Edus, stop), stop);
        return response.IsOk ? Answer.Bytes(JsonText.Write(response.Value)) : RoomAnswers.Of(response.Failure);
    }

    private sealed record TransactionBody(IReadOnlyList<JsonObject> Pdus, IReadOnlyList<Json> Edus);
}
