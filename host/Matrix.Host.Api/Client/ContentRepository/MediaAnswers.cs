using Matrix.Host.Api.Http;
using Matrix.Host.Media;

namespace Matrix.Host.Api.Client.ContentRepository;

/// <summary>The standard error of each failure of media. v1.19 client-server-api#content-repository</summary>
internal static class MediaAnswers
{
    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(5);

    /// <summary>The response to a failure.</summary>
    /// <param name="isRemote">Whether the media is another server's.</param>
    internal static Answer Of(MediaFailure failure, ClientOptions options, bool isRemote = false)
    {
        var message = failure.Message;
        return failure.Kind switch
        {
            MediaFailureKind.NotFound => Answer.NotFound(message),
            MediaFailureKind.Forbidden => Answer.Forbidden(message),
            MediaFailureKind.LimitReached when options.LimitsInfo.Length > 0 => Answer.Error(
                403,
                MatrixError.UserLimitExceeded,
                message,
                json => json.WriteString("info_uri", options.LimitsInfo)),
            MediaFailureKind.LimitReached => Answer.Forbidden(message),
            MediaFailureKind.TooMany => Answer.LimitExceeded(_busyFor, message),
            MediaFailureKind.TooLarge => Answer.TooLarge(message),
            MediaFailureKind.AlreadyUploaded => Answer.Error(409, MatrixError.CannotOverwriteMedia, message),
            MediaFailureKind.ImageTooLarge => Answer.Error(isRemote ? 502 : 413, MatrixError.TooLarge, message),
            MediaFailureKind.RemoteTooLarge => Answer.Error(502, MatrixError.TooLarge, message),
            MediaFailureKind.Fault => Answer.Error(500, MatrixError.Unknown, message),
            MediaFailureKind.Unreachable => Answer.Error(502, MatrixError.Unknown, message),
            MediaFailureKind.NotYetUploaded => Answer.Error(504, MatrixError.NotYetUploaded, message),
            _ => Answer.Error(400, MatrixError.Unknown, message),
        };
    }
}
