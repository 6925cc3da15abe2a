using Matrix.Host.Api.Http;
using Matrix.Host.Users;

namespace Matrix.Host.Api.Client;

/// <summary>The standard error of each failure of a user's. Client-Server API, "Standard error response".</summary>
internal static class UserAnswers
{
    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(1);

    // A device that is away fetches nothing for hours or for ever: asking more often does not help.
    private static readonly TimeSpan _inboxFullFor = TimeSpan.FromMinutes(1);

    /// <summary>The failure as an answer.</summary>
    internal static Answer Of(UserFailure failure)
    {
        if (failure.Kind == UserFailureKind.Busy) return Answer.LimitExceeded(_busyFor, failure.Message);
        if (failure.Kind == UserFailureKind.InboxFull) return Answer.LimitExceeded(_inboxFullFor, failure.Message);
        var (status, code) = StandardOf(failure.Kind);
        return Answer.Error(status, code, failure.Message);
    }

    /// <summary>The error code of a failure that is told inside an answer.</summary>
    internal static string CodeOf(UserFailureKind kind) => StandardOf(kind).Code;

    private static (int Status, string Code) StandardOf(UserFailureKind kind) => kind switch
    {
        UserFailureKind.NotFound => (404, MatrixError.NotFound),
        UserFailureKind.Forbidden => (403, MatrixError.Forbidden),
        UserFailureKind.TooLarge => (413, MatrixError.TooLarge),
        UserFailureKind.InvalidParam => (400, MatrixError.InvalidParam),
        UserFailureKind.MissingParam => (400, MatrixError.MissingParam),
        UserFailureKind.InvalidSignature => (400, MatrixError.InvalidSignature),
        UserFailureKind.Busy or UserFailureKind.InboxFull => (429, MatrixError.LimitExceeded),
        _ => (400, MatrixError.Unknown),
    };
}
