using System.Diagnostics;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>
/// Moves the write-ahead log into the database beside the writer, on a thread and a connection of its own, so that no commit waits for it. It leaves
/// a rest, of what was committed in the meantime: the writer moves that, between two flushes, and the log begins again.
/// </summary>
/// <remarks>
/// The writer asks only while the log holds pages that were not moved, and leaves the log alone while this is at it. So the log never begins again
/// during a pass.
/// </remarks>
internal sealed class SqliteCheckpointer : IDisposable
{
    // A pass takes what was committed during the one before, which is less each time; what remains after the last is the writer's.
    private const int MostPasses = 4;

    private readonly SqliteConnection _connection;
    private readonly Action _sync;
    private readonly Func<int> _logFrames;
    private readonly int _smallRest;
    private readonly WriterMetrics _metrics;
    private readonly SemaphoreSlim _asked = new(0);
    private readonly Thread _thread;
    private volatile bool _busy;
    private volatile bool _closed;

    /// <param name="connection">Its own; nobody else uses it.</param>
    /// <param name="sync">Waits until the disk has all of the database.</param>
    /// <param name="logFrames">How many pages the log holds now.</param>
    /// <param name="smallRest">A rest of this many pages is the writer's.</param>
    /// <param name="metrics">Told how long a pass took.</param>
    public SqliteCheckpointer(SqliteConnection connection, Action sync, Func<int> logFrames, int smallRest, WriterMetrics metrics)
    {
        _connection = connection;
        _sync = sync;
        _logFrames = logFrames;
        _smallRest = smallRest;
        _metrics = metrics;
        _thread = new Thread(Run) { Name = "storage checkpoint", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether it is at it.</summary>
    public bool IsBusy => _busy;

    /// <summary>How many pages of the log its last pass had moved, -1 if it failed. Read it while it is not busy.</summary>
    public int Moved { get; private set; } = -1;

    /// <summary>Asks for a checkpoint. Call it while it is not busy.</summary>
    public void Begin()
    {
        _busy = true;
        _ = _asked.Release();
    }

    /// <summary>Ends after the pass that is under way.</summary>
    public void Dispose()
    {
        _closed = true;
        _ = _asked.Release();
        _thread.Join();
        _connection.Dispose();
        _asked.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            _asked.Wait();
            if (_closed)
            {
                return;
            }

            for (var pass = 1; (Moved = Pass()) >= 0 && pass < MostPasses && _logFrames() - Moved > _smallRest && !_closed; pass++)
            {
            }

            _busy = false;
        }
    }

    private int Pass()
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var moved = _connection.Checkpoint();

            // SQLite does so only after the last page of the log: the writer, which moves that, would wait for all of them.
            _sync();
            _metrics.Checkpointed(started, beside: true);
            return moved;
        }
        catch (StorageException fault)
        {
            // The log keeps everything; the next flush says what is wrong if it lasts.
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
