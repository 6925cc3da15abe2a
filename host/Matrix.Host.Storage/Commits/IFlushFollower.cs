namespace Matrix.Host.Storage.Commits;

/// <summary>How far this node has read the flushes of all nodes that serve at once.</summary>
public interface IFlushFollower
{
    /// <summary>Consumers have read every flush up to this position.</summary>
    long Position { get; }

    /// <summary>
    /// A timestamp of <see cref="System.Diagnostics.Stopwatch"/>: consumers have read every flush that was committed
    /// before it.
    /// </summary>
    long LevelAt { get; }

    /// <summary>
    /// Called when the position has grown. It may be called on the writer's thread, and must be quick. Set once.
    /// </summary>
    Action? OnAdvanced { set; }

    /// <summary>
    /// Waits a little until other nodes have read what this one flushed. Called before the next flush, which then has
    /// more in it: each flush costs every node a message, a read and an answer, whatever is in it. Set once.
    /// </summary>
    Func<ValueTask>? Pace { set; }

    /// <summary>
    /// Called when a flush of this node was committed, with what other nodes should be told of it, instead of
    /// <see cref="OnAdvanced"/> if consumers here have read it already. It is called on the writer's thread, and must
    /// be quick. Set once.
    /// </summary>
    Action<FlushNews>? OnFlushed { set; }

    /// <summary>Flushes that other nodes told, and that consumers have read.</summary>
    long FlushesTold { get; }

    /// <summary>Flushes of other nodes that consumers have read, and that came from the database.</summary>
    long FlushesRead { get; }

    /// <summary>Flushes of other nodes that could not be read, so that consumers read storage.</summary>
    long FlushesMissed { get; }

    /// <summary>
    /// Another node tells a flush that was committed. It is read after those before it, which may be told later.
    /// Thread-safe.
    /// </summary>
    /// <param name="flush">The flush, with its changes. Its bytes are kept until it was read.</param>
    void Hear(FlushNews flush);

    /// <summary>
    /// There are flushes up to a position. They are looked for, unless they are told within milliseconds. Thread-safe.
    /// </summary>
    void Expect(long position);

    /// <summary>Looks for flushes of other nodes: there are some, or there may be. Thread-safe.</summary>
    void Look();

    /// <summary>
    /// Looks for flushes of other nodes, and waits until consumers have read up to a position.
    /// </summary>
    /// <param name="position">The position; nobody may have written it.</param>
    /// <param name="most">How long to wait.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <returns>
    /// False if they have not in time, or if they have read all that was written before this call: then it is nobody's.
    /// </returns>
    ValueTask<bool> ReachAsync(long position, TimeSpan most, CancellationToken stop);
}
