namespace Matrix.Host.Storage.Commits;

/// <summary>
/// What happens to the batches of flushes that have ended: consumers read the changes, then the submitters get their
/// results, in the order in which the writer hands them over. Its methods are for the writer only. Disposing it waits
/// until all of that is done.
/// </summary>
internal interface IPublication : IAsyncDisposable
{
    /// <summary>Everything up to this position is durable, and consumers have read it.</summary>
    long Position { get; }

    /// <summary>Adds a consumer; thread-safe.</summary>
    void AddConsumer(IChangeConsumer consumer);

    /// <summary>Sets the position of the last change before this process began.</summary>
    void StartAt(long position);

    /// <summary>The batches of a flush that was kept; those with position 0 were refused.</summary>
    /// <param name="batches">The batches. The writer uses the list again afterwards.</param>
    /// <param name="after">The position of the sequence before the flush.</param>
    /// <param name="news">What other nodes are told of it; null if nobody reads its changes.</param>
    void Kept(List<WriteBatch> batches, long after, FlushNews? news = null);

    /// <summary>
    /// The batches of a flush that was kept, but whose submitters have already got
    /// <see cref="StorageFailure.Doubtful"/>.
    /// </summary>
    void KeptInDoubt(List<WriteBatch> batches, long after);

    /// <summary>Batches of which nothing was kept.</summary>
    void Failed(List<WriteBatch> batches, StorageException failure);

    /// <summary>Ends what consumers read from storage; before the store closes.</summary>
    ValueTask EndRestorationsAsync();

    /// <summary>Waits while too many batches wait for their consumers. False if there are too many still.</summary>
    ValueTask<bool> WaitForRoomAsync(TimeSpan most) => ValueTask.FromResult(true);
}
