using Matrix.Host.Api.Http;
using Matrix.Host.Users.Rendezvous;

namespace Matrix.Host.Api.Client.Rendezvous;

/// <summary>What both forms of sessions have in common.</summary>
internal static class RendezvousAnswers
{
    internal static Answer Unknown { get; } = Answer.NotFound("There is no such session, or it has expired.");

    internal static Answer TooLarge(RendezvousOptions options) =>
        Answer.TooLarge($"A payload has at most {options.MaxBytes} bytes.");

    /// <summary>There are as many sessions as there may be.</summary>
    internal static Answer Full(TimeSpan wait) => Answer.LimitExceeded(wait, "There are too many sessions.");

    /// <summary>The session had as many payloads as it may have.</summary>
    internal static Answer TooMany(RendezvousPayload payload, TimeProvider clock) =>
        Answer.LimitExceeded(payload.Expires - clock.GetUtcNow(), "The session had too many payloads.");

    /// <summary>
    /// The response to a browser that goes to a session, or embeds it: what strangers put there is no page. MSC4388,
    /// "Unsafe content".
    /// </summary>
    internal static Answer? Navigation(Call call)
    {
        KeepPrivate(call);
        var headers = call.Http.Request.Headers;
        var isFetched = headers["Sec-Fetch-Dest"] is { Count: 0 } or ["empty"];
        return isFetched && headers["Sec-Fetch-Mode"] is not ["navigate"]
            ? null
            : Answer.Forbidden("Sessions are for clients, not for pages.");
    }

    /// <summary>No cache keeps the payload, and no browser takes it for a page.</summary>
    internal static void KeepPrivate(Call call)
    {
        var headers = call.Http.Response.Headers;
        headers.CacheControl = "no-store";
        headers.Pragma = "no-cache";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'";
    }
}
