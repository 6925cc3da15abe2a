using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Receipts;

namespace Matrix.Host.Api.Client.ReadMarkers;

/// <summary>
/// Fully read markers, with receipts in the same request. v1.19 client-server-api#read-and-unread-markers
/// </summary>
internal sealed class ReadMarkers(ReceiptWriter receipts) : IEndpoints
{
    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#post_matrixclientv3roomsroomidread_markers
        routes.Of(RouteOwner.Nobody).Post(
            "rooms/{roomId}/read_markers",
            Read,
            Post,
            new RouteOptions { Rate = RateClass.Send, OpenToSuspended = true, IsBrief = true });

    private async ValueTask<Answer> Post(Call call, List<Marker> markers, CancellationToken stop) =>
        Receipts.Receipts.Of(await receipts.SetAsync(call.Caller.UserId, call["roomId"], markers, stop));

    private static List<Marker> Read(BodyReader body)
    {
        var markers = new List<Marker>(3);
        ReadOnlySpan<string> types = [ReceiptTypes.FullyRead, ReceiptTypes.Read, ReceiptTypes.ReadPrivate];
        foreach (var type in types)
        {
            if (body.Text(type) is { } eventId) markers.Add(new Marker(type, eventId, ""));
        }

        return markers;
    }
}
