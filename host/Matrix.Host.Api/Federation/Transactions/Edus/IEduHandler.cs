using Matrix.Core.Json;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>Takes the EDUs of one type. v1.19 server-server-api#edus</summary>
internal interface IEduHandler
{
    /// <summary>The `edu_type`.</summary>
    string Type { get; }

    /// <summary>
    /// Takes the EDUs of this type in a transaction, in its order. What must not be lost is durable when this returns.
    /// The same EDUs may come again.
    /// </summary>
    /// <param name="origin">The server that sent them.</param>
    /// <param name="contents">The `content` of each.</param>
    /// <returns>The number of ignored EDUs: malformed ones, and those that the origin may not send.</returns>
    /// <exception cref="Matrix.Host.Storage.Commits.StorageException">
    /// The storage failed. The transaction fails, and the server sends it again.
    /// </exception>
    ValueTask<int> ReceiveAsync(string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop);
}
