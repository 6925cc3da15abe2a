using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.AppServices;

/// <summary>Errors about application services. v1.19 application-service-api#server-admin-style-permissions</summary>
internal static class ServiceAnswers
{
    /// <summary>The type of registrations and logins of application services.</summary>
    internal const string LoginType = "m.login.application_service";

    /// <summary>400 `M_EXCLUSIVE`.</summary>
    internal static Answer Exclusive { get; } = Answer.Error(
        400, MatrixError.Exclusive, "The name belongs to an application service, or not to the one that asks for it.");

    /// <summary>The 401 for a request that needs an `as_token` and has none, or an unknown one.</summary>
    internal static Answer NoService(Call call) => call.HasToken
        ? Answer.Error(401, MatrixError.UnknownToken, "The access token is not that of an application service.")
        : Answer.Error(401, MatrixError.MissingToken, "This request requires the token of an application service.");

    /// <summary>400 `M_APPSERVICE_LOGIN_UNSUPPORTED`: users log in by OAuth 2.0 only.</summary>
    internal static Answer NoLogin { get; } = Answer.Error(
        400, MatrixError.AppServiceLoginUnsupported, "Users log in by OAuth 2.0 only: register with `inhibit_login`.");

    /// <summary>400: the endpoint needs a device, and the application service has named none.</summary>
    internal static Answer NoDevice { get; } = Answer.Error(
        400, MatrixError.MissingParam, "This endpoint requires a `device_id` in the query.");

    /// <summary>
    /// The `ts` that an application service gives an event; null for now.
    /// v1.19 application-service-api#timestamp-massaging
    /// </summary>
    internal static long? Timestamp(Call call, out Answer? problem)
    {
        problem = null;
        if (call.Service is null) return null;
        var ts = call.Query.Number("ts");
        problem = call.Query.Problem
            ?? (ts > MostTimestamp ? Answer.InvalidParam("The query parameter `ts` is too large.") : null);
        return ts;
    }

    /// <summary>The greatest integer of canonical JSON.</summary>
    private const long MostTimestamp = (1L << 53) - 1;
}
