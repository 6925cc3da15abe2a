using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>
/// A request's result, in the same set as what the request did. Not applied if the key has a result already; as a precondition it makes a
/// repeated request change nothing.
/// </summary>
public sealed record RecordTransaction(TransactionKey Key, EventNid Event, ReadOnlyMemory<byte> Response) : ConditionalOperation
{
    internal override bool HasOutcome => false;
}

/// <summary>Forgets results that are older than <see cref="StorageOptions.TransactionRetentionMs"/>.</summary>
public sealed record PurgeTransactions : WriteOperation;
