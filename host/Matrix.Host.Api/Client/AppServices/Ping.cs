using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Outbound.AppServices;

namespace Matrix.Host.Api.Client.AppServices;

/// <summary>
/// Asks this server to ping an application service. v1.19 application-service-api#pinging-1
/// </summary>
internal sealed class Ping(AppServicePings pings) : IEndpoints
{
    private static readonly Answer _notYours = Answer.Forbidden(
        "The access token is not that of this application service.");

    // v1.19 application-service-api#post_matrixclientv1appserviceappserviceidping
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.AppService).V1.Post(
        "appservice/{appserviceId}/ping",
        static body => body.Text("transaction_id"),
        PostAsync);

    private async ValueTask<Answer> PostAsync(Call call, string? transactionId, CancellationToken stop)
    {
        if (call.Service is not { } service || service.Id != call["appserviceId"]) return _notYours;
        if (service.Url is null)
        {
            return Answer.Error(400, MatrixError.UrlNotSet, "The application service has no URL.");
        }

        return await pings.PingAsync(service, transactionId, stop) switch
        {
            PingResult.Answered answered => Answer.Json(
                answered, static (json, it) => json.WriteNumber("duration_ms", (long)it.Took.TotalMilliseconds)),
            PingResult.BadStatus bad => Answer.Error(
                502,
                MatrixError.BadStatus,
                $"The application service answered with status {bad.Status}.",
                json =>
                {
                    json.WriteNumber("status", bad.Status);
                    json.WriteString("body", bad.Body);
                }),
            PingResult.Unreachable unreachable => Answer.Error(
                502, MatrixError.ConnectionFailed, $"The application service cannot be reached: {unreachable.Why}"),
            _ => Answer.Error(504, MatrixError.ConnectionTimeout, "The application service did not answer in time."),
        };
    }
}
