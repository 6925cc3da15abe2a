namespace Matrix.Host.Storage.Commits;

/// <summary>A consumer that applies the changes that it missed from storage, when it has missed them.</summary>
public interface IRestoredConsumer : IChangeConsumer
{
    /// <summary>
    /// Applies the missed changes from storage. It is called on a task of its own, after
    /// <see cref="IChangeConsumer.Missed"/> and after all consumers have read the flush, while later flushes are read.
    /// If it fails, it is called again. A change may be applied twice.
    /// </summary>
    /// <param name="after">The greatest position before the missed changes.</param>
    /// <param name="through">The greatest position of the missed changes.</param>
    ValueTask RestoreAsync(long after, long through, CancellationToken stop);
}
