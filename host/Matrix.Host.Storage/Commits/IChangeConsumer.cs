namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Reads every change after it is durable, in commit order: a stream, a cache, a counter. It is called on the writer's
/// thread and touches memory only. Longer work starts elsewhere, from the positions that it noted.
/// </summary>
/// <remarks>A consumer sees changes only, not rows or other consumers. Consumers are called in the order in which they
/// were added: all of them begin, each takes the changes of the flush, all of them end. Then the callers that wait for
/// the flush continue.</remarks>
public interface IChangeConsumer
{
    /// <summary>
    /// A flush is about to be read. <see cref="IStorageWriter.PublishedPosition"/> is already
    /// <paramref name="through"/>.
    /// </summary>
    /// <param name="through">The greatest position of the flush.</param>
    void Begin(long through)
    {
    }

    /// <summary>
    /// A change is durable. Conditional changes that were not applied are skipped. A change of another node lacks what
    /// no consumer reads, as the remarks of its record say.
    /// </summary>
    void OnChange(Change change, long position);

    /// <summary>Every consumer has read the flush, or missed it.</summary>
    /// <param name="through">The greatest position of the flush.</param>
    void End(long through)
    {
    }

    /// <summary>
    /// The consumer did not read all of a flush. Its memory may be wrong: it drops it, and reads from storage when it
    /// is asked, or at once if it is an <see cref="IRestoredConsumer"/>.
    /// </summary>
    /// <param name="through">The greatest position of the flush.</param>
    void Missed(long through);
}
