using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reports;

namespace Matrix.Host.Api.Client.ReportContent;

/// <summary>Reports of events, rooms and users. v1.19 client-server-api#reporting-content</summary>
internal sealed class Reports(ContentReports reports) : IEndpoints
{
    /// <summary>The most characters of a reason.</summary>
    private const int LongestReason = 4096;

    public void Map(ClientRoutes routes)
    {
        var limited = new RouteOptions { Rate = RateClass.Reports };
        // v1.19 client-server-api#post_matrixclientv3roomsroomidreporteventid
        routes.Of(RouteOwner.Nobody).Post("rooms/{roomId}/report/{eventId}", Reason, ReportEventAsync, limited);
        // v1.19 client-server-api#post_matrixclientv3roomsroomidreport
        routes.Of(RouteOwner.Nobody).Post("rooms/{roomId}/report", RequiredReason, ReportRoomAsync, limited);
        // v1.19 client-server-api#post_matrixclientv3usersuseridreport
        routes.Of(RouteOwner.Nobody).Post("users/{userId}/report", RequiredReason, ReportUserAsync, limited);
    }

    private static string Reason(BodyReader body) => Checked(body, body.Text("reason") ?? "");

    private static string RequiredReason(BodyReader body) => Checked(body, body.RequiredText("reason"));

    private static string Checked(BodyReader body, string reason)
    {
        if (reason.Length > LongestReason)
        {
            body.Refuse(MatrixError.InvalidParam, $"`reason` can have at most {LongestReason} characters.");
        }

        return reason;
    }

    private async ValueTask<Answer> ReportEventAsync(Call call, string reason, CancellationToken stop) =>
        RoomAnswers.Empty(await reports.ReportEventAsync(
            call.Caller.UserId, call["roomId"], call["eventId"], reason, stop));

    private async ValueTask<Answer> ReportRoomAsync(Call call, string reason, CancellationToken stop) =>
        RoomAnswers.Empty(await reports.ReportRoomAsync(call.Caller.UserId, call["roomId"], reason, stop));

    private async ValueTask<Answer> ReportUserAsync(Call call, string reason, CancellationToken stop) =>
        RoomAnswers.Empty(await reports.ReportUserAsync(call.Caller.UserId, call["userId"], reason, stop));
}
