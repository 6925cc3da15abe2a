using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Api.Http;

/// <summary>Responses to faults: they reveal nothing but the request's id, by which the log has the details.</summary>
internal static class FaultAnswers
{
    /// <summary>The system's number of the error that a disk is full.</summary>
    private const int NoSpace = 28;

    internal static Answer For(Exception fault, string requestId) => fault switch
    {
        StorageException { Failure: StorageFailure.Full } =>
            Answer.Error(503, MatrixError.Unknown, "This server's storage is full."),
        StorageException { Failure: StorageFailure.TimedOut } =>
            Answer.Error(503, MatrixError.Unknown, "The request took too long."),
        StorageException { Failure: StorageFailure.Rejected } =>
            Answer.InvalidParam("The request contains something that cannot be stored."),
        StorageException { Failure: StorageFailure.NotOwned } =>
            Answer.Error(503, MatrixError.Unknown, "Another node of this server is taking this over. Try again."),
        StorageException { Failure: not (StorageFailure.ChainBroken or StorageFailure.Refused) } =>
            Answer.Error(503, MatrixError.Unknown, "This server's storage is unavailable. Try again later."),
        FileNotFoundException => Answer.NotFound("The file was deleted meanwhile."),
        IOException { HResult: NoSpace } => Answer.Error(503, MatrixError.Unknown, "This server's storage is full."),
        _ => Answer.Error(
            500, MatrixError.Unknown, $"Internal error. The server's log has the details of request {requestId}."),
    };

    /// <summary>Whether a request came while its room or user goes to another node, which is no fault.</summary>
    internal static bool IsMove(Exception fault) => fault is StorageException { Failure: StorageFailure.NotOwned };

    /// <summary>Whether there is no room for what a request writes. Its trace would fill what room there is.</summary>
    internal static bool IsFull(Exception fault) =>
        fault is StorageException { Failure: StorageFailure.Full } or IOException { HResult: NoSpace };

    /// <summary>The response to a request that the web server could not read, by the status that it chose.</summary>
    internal static Answer Unreadable(int status) => status switch
    {
        408 => Answer.Error(408, MatrixError.Unknown, "The request did not arrive in time."),
        413 => Answer.TooLarge("The body is too large."),
        414 => Answer.Error(414, MatrixError.TooLarge, "The path and query are too long."),
        431 => Answer.Error(431, MatrixError.TooLarge, "The headers are too large, or too many."),
        505 => Answer.Error(505, MatrixError.Unrecognized, "This server supports HTTP/1.1."),
        _ => Answer.Error(status, MatrixError.Unrecognized, "This is not a valid HTTP request."),
    };
}
