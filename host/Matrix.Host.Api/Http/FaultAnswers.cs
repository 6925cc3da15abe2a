using Matrix.Host.Storage.Writing;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>What a client is told of a fault: nothing of its inside, and the request's id to find it in the log by.</summary>
internal static class FaultAnswers
{
    internal static Answer For(Exception fault, string requestId) => fault switch
    {
        BadHttpRequestException { StatusCode: 413 } => Answer.TooLarge("The body is too large."),
        BadHttpRequestException bad => Answer.Error(bad.StatusCode, MatrixError.Unknown, "The request could not be read."),
        StorageException { Failure: StorageFailure.Full } => Answer.Error(503, MatrixError.Unknown, "This server's storage is full."),
        StorageException { Failure: StorageFailure.Rejected } => Answer.InvalidParam("The request holds something that cannot be stored."),
        StorageException { Failure: not (StorageFailure.ChainBroken or StorageFailure.Refused) } =>
            Answer.Error(503, MatrixError.Unknown, "This server's storage does not answer. Try again later."),
        _ => Answer.Error(500, MatrixError.Unknown, $"Something went wrong here. The server's log has it as request {requestId}."),
    };
}
