using System.Diagnostics;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>
/// Moves the write-ahead log into the database on its own thread and connection, so that no commit waits for it. Pages
/// that were committed during the last pass remain: the writer moves them between two flushes, and the log starts
/// again.
/// </summary>
/// <remarks>The writer starts a pass only while the log has pages that were not moved, and does not reset the log
/// during a pass.</remarks>
internal sealed class SqliteCheckpointer : IDisposable
{
    // Each pass moves the pages that were committed during the pass before, fewer each time. After the last pass the
    // writer moves the remainder.
    private const int MostPasses = 4;

    private readonly SqliteConnection _connection;
    private readonly Action _sync;
    private readonly Func<int> _logFrames;
    private readonly int _smallRest;
    private readonly WriterMetrics _metrics;
    private readonly SemaphoreSlim _asked = new(0);
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _idle = new(initialState: true);
    private volatile bool _closed;

    /// <param name="connection">A connection that nothing else uses.</param>
    /// <param name="sync">Waits until the disk has all of the database.</param>
    /// <param name="smallRest">At this many remaining pages the passes end.</param>
    public SqliteCheckpointer(
        SqliteConnection connection, Action sync, Func<int> logFrames, int smallRest, WriterMetrics metrics)
    {
        _connection = connection;
        _sync = sync;
        _logFrames = logFrames;
        _smallRest = smallRest;
        _metrics = metrics;
        _thread = new Thread(Run) { Name = "storage checkpoint", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether a checkpoint is running.</summary>
    public bool IsBusy => !_idle.IsSet;

    /// <summary>
    /// The number of log pages that the last pass had moved, -1 if it failed. Read it only while no checkpoint runs.
    /// </summary>
    public int Moved { get; private set; } = -1;

    /// <summary>Starts a checkpoint. Call it only while none runs.</summary>
    public void Begin()
    {
        _idle.Reset();
        _ = _asked.Release();
    }

    /// <summary>Waits for the checkpoint that runs.</summary>
    public void Wait() => _idle.Wait();

    /// <summary>Ends after the current pass.</summary>
    public void Dispose()
    {
        _closed = true;
        _ = _asked.Release();
        _thread.Join();
        _connection.Dispose();
        _asked.Dispose();
        _idle.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _asked.Wait();
            if (_closed)
            {
                _idle.Set();
                return;
            }

            for (
                var pass = 1;
                (Moved = Pass()) >= 0 && pass < MostPasses && _logFrames() - Moved > _smallRest && !_closed;
                pass++)
            {
            }

            _idle.Set();
        }
    }

    private int Pass()
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var moved = _connection.Checkpoint();

            // SQLite syncs only after the last page of the log. The writer moves that page, and would wait for the
            // whole sync.
            _sync();
            _metrics.Checkpointed(started, beside: true);
            return moved;
        }
        catch (StorageException fault)
        {
            // The log keeps everything. If the fault lasts, the next flush reports it.
            _metrics.Failed(fault.Failure);
            return -1;
        }
        catch (IOException fault)
        {
            SqliteFault.EndProcess(fault);
            return -1;
        }
    }
}
