namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Reads every change after it is durable, in commit order: a stream, a cache, a counter. Called on the writer's thread, so it touches memory and
/// nothing else; what takes longer, it does elsewhere from the positions that it noted.
/// </summary>
/// <remarks>
/// A consumer knows changes and neither rows nor other consumers. Consumers are called in the order in which they were added: all of them begin,
/// each takes the changes of the flush, all of them end; then those who wait for the flush are answered.
/// </remarks>
public interface IChangeConsumer
{
    /// <summary>A flush is about to be read. <see cref="IStorageWriter.PublishedPosition"/> is <paramref name="through"/> already.</summary>
    /// <param name="through">The greatest position of the flush.</param>
    void Begin(long through)
    {
    }

    /// <summary>A change is durable. A conditional change that was not made is not read.</summary>
    /// <param name="change">The change.</param>
    /// <param name="position">The position of its batch.</param>
    void Take(Change change, long position);

    /// <summary>Every consumer has read the flush.</summary>
    /// <param name="through">The greatest position of the flush.</param>
    void End(long through)
    {
    }

    /// <summary>
    /// The consumer threw, and did not read all of a flush: what it holds in memory may be wrong, so it lets go of it, and reads from storage again.
    /// </summary>
    /// <param name="through">The greatest position of the flush.</param>
    void Missed(long through);
}
