using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite.Native;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>A connection and its prepared statements. For one thread at a time.</summary>
internal sealed unsafe class SqliteConnection : IDisposable
{
    // Steps of SQLite's virtual machine: well under a millisecond.
    private const int StepsBetweenLooks = 4096;

    private readonly int* _logFrames = (int*)NativeMemory.AllocZeroed(sizeof(int));
    private readonly Patience _patience = new();
    private SqliteStatement?[] _prepared = new SqliteStatement?[256];
    private GCHandle _patienceHandle;
    private nint _db;

    private SqliteConnection(nint db)
    {
        _db = db;
    }

    /// <summary>SQLite's version.</summary>
    public static string Version => Marshal.PtrToStringUTF8(Sqlite3.sqlite3_libversion()) ?? "";

    /// <summary>The number of pages in the write-ahead log after this connection's last commit. Thread-safe.</summary>
    public int LogFrames => Volatile.Read(ref *_logFrames);

    /// <summary>Whether a transaction is open.</summary>
    public bool InTransaction => Sqlite3.sqlite3_get_autocommit(_db) == 0;

    /// <summary>Whether the last statement failed because a file could not be synced.</summary>
    public bool SyncFailed => Sqlite3.sqlite3_extended_errcode(_db) == Sqlite3.IoErrorSync;

    /// <summary>The page size that the database was created with.</summary>
    public int PageSize => int.Parse(
        Scalar("PRAGMA page_size") ?? throw new InvalidOperationException("SQLite has no page size."),
        CultureInfo.InvariantCulture);

    /// <summary>Rows changed by the last statement.</summary>
    public int Changes => Sqlite3.sqlite3_changes(_db);

    /// <summary>Opens a file for reading and writing, and creates it if it does not exist.</summary>
    public static SqliteConnection Open(string file, int busyTimeoutMs) =>
        Open(file, Sqlite3.OpenReadWrite | Sqlite3.OpenCreate, busyTimeoutMs);

    /// <summary>Opens an existing file and changes nothing in it, even while another process owns it.</summary>
    public static SqliteConnection OpenReadOnly(string file, int busyTimeoutMs) =>
        Open(file, Sqlite3.OpenReadOnly, busyTimeoutMs);

    private static SqliteConnection Open(string file, int access, int busyTimeoutMs)
    {
        var code = Sqlite3.sqlite3_open_v2(
            file, out var db, access | Sqlite3.OpenNoMutex | Sqlite3.OpenExtendedResults, vfs: 0);
        if (code != Sqlite3.Ok)
        {
            var fault = SqliteFault.Of(db, code, $"opening {file}");
            _ = Sqlite3.sqlite3_close_v2(db);
            throw fault;
        }

        _ = Sqlite3.sqlite3_busy_timeout(db, busyTimeoutMs);
        return new SqliteConnection(db);
    }

    /// <summary>
    /// Disables automatic checkpoints: from now on only <see cref="Checkpoint"/> moves the log. Also counts the log's
    /// pages.
    /// </summary>
    public void OwnCheckpoints() => _ = Sqlite3.sqlite3_wal_hook(_db, &Logged, (nint)_logFrames);

    /// <summary>
    /// Lets statements be interrupted: they end with <see cref="StorageFailure.TimedOut"/> soon after their query is
    /// cancelled or out of time.
    /// </summary>
    public void LetInterrupt()
    {
        if (_patienceHandle.IsAllocated) return;
        _patienceHandle = GCHandle.Alloc(_patience);
        Sqlite3.sqlite3_progress_handler(_db, StepsBetweenLooks, &IsOver, GCHandle.ToIntPtr(_patienceHandle));
    }

    /// <summary>Starts a query with its bound in time. Zero means no bound.</summary>
    public void BeginQuery(TimeSpan longest, CancellationToken stop)
    {
        _patience.Stop = stop;
        _patience.Until = longest > TimeSpan.Zero
            ? Environment.TickCount64 + (long)longest.TotalMilliseconds
            : long.MaxValue;
    }

    /// <summary>Returns the statement, which is prepared once on this connection.</summary>
    public SqliteStatement Prepare(Statement statement)
    {
        if (statement.Index >= _prepared.Length)
        {
            Array.Resize(ref _prepared, Math.Max(Statement.Count, statement.Index + 1));
        }

        return _prepared[statement.Index] ??= new SqliteStatement(_db, statement.Sqlite);
    }

    /// <summary>Prepares a statement that the caller disposes.</summary>
    public SqliteStatement Prepare(string sql) => new(_db, sql);

    /// <summary>Runs statements that return no rows.</summary>
    public void Execute(string sql)
    {
        var rest = sql;
        while (!string.IsNullOrWhiteSpace(rest))
        {
            using var statement = new SqliteStatement(_db, rest, out rest);
            if (!statement.IsEmpty)
            {
                while (statement.Step())
                {
                }
            }
        }
    }

    /// <summary>The first column of the first row, as text; null if there is no row.</summary>
    public string? Scalar(string sql)
    {
        using var statement = new SqliteStatement(_db, sql);
        return statement.Step() && !statement.IsNull(0) ? statement.Text(0) : null;
    }

    /// <summary>
    /// Moves as much of the log into the database as readers allow. Returns the number of its pages that are in the
    /// database, or -1 if another process was doing the same. The database is synced only if all pages were moved. A
    /// failed sync ends the process: see <see cref="SqliteFault.EndProcess"/>.
    /// </summary>
    public int Checkpoint()
    {
        var code = Sqlite3.sqlite3_wal_checkpoint_v2(_db, 0, Sqlite3.CheckpointPassive, out _, out var moved);
        if ((code & 0xFF) is not (Sqlite3.Ok or Sqlite3.Busy or Sqlite3.Locked))
        {
            var fault = SqliteFault.Of(_db, code, "checkpointing");
            if (code == Sqlite3.IoErrorSync)
            {
                SqliteFault.EndProcess(fault);
            }

            throw fault;
        }

        return moved;
    }

    public void Dispose()
    {
        if (_db == 0)
        {
            return;
        }

        foreach (var statement in _prepared)
        {
            statement?.Dispose();
        }

        _ = Sqlite3.sqlite3_close_v2(_db);
        _db = 0;
        NativeMemory.Free(_logFrames);
        if (_patienceHandle.IsAllocated) _patienceHandle.Free();
    }

    // Called on the thread that runs the statement: nothing here is shared.
    [UnmanagedCallersOnly]
    private static int IsOver(nint patience) =>
        GCHandle.FromIntPtr(patience).Target is Patience { IsOver: true } ? 1 : 0;

    [UnmanagedCallersOnly]
    private static int Logged(nint frames, nint db, byte* name, int count)
    {
        Volatile.Write(ref *(int*)frames, count);
        return Sqlite3.Ok;
    }

    private sealed class Patience
    {
        public CancellationToken Stop { get; set; }

        public long Until { get; set; } = long.MaxValue;

        public bool IsOver => Stop.IsCancellationRequested || Environment.TickCount64 >= Until;
    }
}
