namespace Matrix.Host.Storage.Writing;

/// <summary>
/// Hears of every flush, in order, after it is durable and before those who wait for its sets hear of it. Called on the writer's thread: be
/// quick, do not block, do not throw.
/// </summary>
public interface ICommitObserver
{
    /// <summary>These sets are durable. <see cref="IStorageWriter.PublishedPosition"/> is already <see cref="CommittedFlush.LastPosition"/>.</summary>
    void Committed(in CommittedFlush flush);
}

/// <summary>The sets of one flush that were kept, in order of their positions. Valid during the call only.</summary>
public readonly ref struct CommittedFlush(ReadOnlySpan<WriteSet> sets, long lastPosition)
{
    /// <summary>The sets; each has its <see cref="WriteSet.Position"/>.</summary>
    public ReadOnlySpan<WriteSet> Sets { get; } = sets;

    /// <summary>The greatest position among them.</summary>
    public long LastPosition { get; } = lastPosition;
}
