using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>A request is carried out, by this set: the hash of its key, and the event that it made, if any. One a set.</summary>
public sealed record RecordTransaction(UInt128 Request, EventNid Event) : WriteOperation;

/// <summary>Forgets all but the latest requests.</summary>
public sealed record PurgeTransactions(int Kept) : WriteOperation;
