using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Api.Http;

/// <summary>What a client is told of a fault: nothing of its inside, and the request's id to find it in the log by.</summary>
internal static class FaultAnswers
{
    internal static Answer For(Exception fault, string requestId) => fault switch
    {
        StorageException { Failure: StorageFailure.Full } => Answer.Error(503, MatrixError.Unknown, "This server's storage is full."),
        StorageException { Failure: StorageFailure.TimedOut } => Answer.Error(503, MatrixError.Unknown, "This takes longer than a request may."),
        StorageException { Failure: StorageFailure.Rejected } => Answer.InvalidParam("The request holds something that cannot be stored."),
        StorageException { Failure: not (StorageFailure.ChainBroken or StorageFailure.Refused) } =>
            Answer.Error(503, MatrixError.Unknown, "This server's storage does not answer. Try again later."),
        _ => Answer.Error(500, MatrixError.Unknown, $"Something went wrong here. The server's log has it as request {requestId}."),
    };

    /// <summary>Of a request that the web server could not read, by the status that it found for it.</summary>
    internal static Answer Unreadable(int status) => status switch
    {
        408 => Answer.Error(408, MatrixError.Unknown, "The request did not arrive in time."),
        413 => Answer.TooLarge("The body is too large."),
        414 => Answer.Error(414, MatrixError.TooLarge, "The path and query are too long."),
        431 => Answer.Error(431, MatrixError.TooLarge, "The headers are too large, or too many."),
        505 => Answer.Error(505, MatrixError.Unrecognized, "This server speaks HTTP/1.1."),
        _ => Answer.Error(status, MatrixError.Unrecognized, "This is not an HTTP request that this server understands."),
    };
}
