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

    /// <summary>Looks for flushes of other nodes: there are some, or there may be. Thread-safe.</summary>
    void Look();
}
