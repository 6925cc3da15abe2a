using System.Reflection;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Followers;

namespace Matrix.Federation.Tests.Support;

/// <summary>A table, of which one method fails as often as a test wants.</summary>
public class FailingReads : DispatchProxy
{
    private object _table = null!;
    private string _method = null!;
    private int _failures;
    private int _calls;

    /// <summary>How often the method still fails.</summary>
    public int Failures
    {
        get => Volatile.Read(ref _failures);
        set => Volatile.Write(ref _failures, value);
    }

    /// <summary>The calls of the method so far.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>A table of which a method can fail.</summary>
    public static FailingReads Of<T>(T table, string method)
        where T : class
    {
        var reads = (FailingReads)(object)Create<T, FailingReads>();
        (reads._table, reads._method) = (table, method);
        return reads;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == _method) Interlocked.Increment(ref _calls);
        if (targetMethod.Name == _method && Failures > 0)
        {
            Interlocked.Decrement(ref _failures);
            throw new StorageException(StorageFailure.Unavailable, "The test fails this read.");
        }

        return targetMethod.Invoke(_table, args);
    }
}

/// <summary>
/// The device updates, whose rows of a server come a moment after they were read: they are not up to date any more.
/// </summary>
public class LateRows : DispatchProxy
{
    private IDeviceUpdatesTable _table = null!;

    /// <summary>The table with late rows.</summary>
    public static IDeviceUpdatesTable Of(IDeviceUpdatesTable table)
    {
        var late = Create<IDeviceUpdatesTable, LateRows>();
        ((LateRows)(object)late)._table = table;
        return late;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var read = targetMethod!.Invoke(_table, args);
        return read is ValueTask<IReadOnlyList<PendingUpdatesRow>> rows
            ? new ValueTask<IReadOnlyList<PendingUpdatesRow>>(LateAsync(rows))
            : read;
    }

    private static async Task<IReadOnlyList<PendingUpdatesRow>> LateAsync(
        ValueTask<IReadOnlyList<PendingUpdatesRow>> rows)
    {
        var read = await rows;
        await Task.Delay(100);
        return read;
    }
}

/// <summary>The followers, of which a read of gaps can wait for what a test does first.</summary>
public class HeldGaps : DispatchProxy
{
    private IFollowersTable _table = null!;
    private Func<Task>? _first;

    /// <summary>The table, and what sets what the next read waits for.</summary>
    public static (IFollowersTable Table, Action<Func<Task>> Hold) Of(IFollowersTable table)
    {
        var held = Create<IFollowersTable, HeldGaps>();
        var self = (HeldGaps)(object)held;
        self._table = table;
        return (held, first => Volatile.Write(ref self._first, first));
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod!.Name == nameof(IFollowersTable.OpenAsync)
            && Interlocked.Exchange(ref _first, null) is { } first
            ? new ValueTask<IReadOnlyList<EventNid>>(AfterAsync(first, targetMethod, args))
            : targetMethod.Invoke(_table, args);

    private async Task<IReadOnlyList<EventNid>> AfterAsync(Func<Task> first, MethodInfo method, object?[]? args)
    {
        await first();
        return await (ValueTask<IReadOnlyList<EventNid>>)method.Invoke(_table, args)!;
    }
}

/// <summary>A writer that fails as long as a test wants.</summary>
public sealed class FailingWriter(IStorageWriter writer) : IStorageWriter
{
    /// <summary>Whether it fails.</summary>
    public bool Fails { get; set; } = true;

    public long PublishedPosition => writer.PublishedPosition;

    public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop) =>
        Fails
            ? throw new StorageException(StorageFailure.Unavailable, "The test fails this write.")
            : writer.WriteAsync(batch, stop);

    public void Post(WriteBatch batch) => writer.Post(batch);

    public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);
}
