using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client;

/// <summary>What is answered to who has as much of something as an account may hold. Client-Server API, "Common error codes".</summary>
internal static class AccountLimits
{
    /// <summary>403 `M_USER_LIMIT_EXCEEDED`, which must name a page about it; `M_FORBIDDEN` where the configuration names none.</summary>
    internal static Answer Reached(ClientOptions options, string message) => options.LimitsInfo.Length == 0
        ? Answer.Forbidden(message)
        : Answer.Error(403, MatrixError.UserLimitExceeded, message, json => json.WriteString("info_uri", options.LimitsInfo));
}
