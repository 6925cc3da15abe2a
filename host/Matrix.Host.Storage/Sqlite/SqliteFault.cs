using System.Runtime.InteropServices;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite.Native;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>What SQLite's result codes mean here.</summary>
internal static class SqliteFault
{
    private const int LongestText = 80;

    // The index beside the log could not grow: SQLite says no more of a full disk there.
    private const int IoErrorShmSize = 4874;

    public static StorageException Of(nint db, int code, string doing) => new(
        KindOf(code),
        $"SQLite, {OneLine(doing)}: {TextOf(db, code)} (code {code}).");

    /// <summary>
    /// A disk that did not keep what was written to the database forgets it, and says so once. The log still has all of it: the next start moves the
    /// whole log again. Nothing may be done to the log before, so the process ends here, as if it were killed.
    /// </summary>
    public static void EndProcess(Exception fault) =>
        Environment.FailFast($"The disk did not keep what was written to the database, so the server ends; the next start recovers it. {fault.Message}");

    /// <summary>
    /// A commit whose sync failed may be on the disk or not. Answering an error would be untrue if it is, and a later sync proves nothing of its
    /// pages. So nobody is answered and the process ends; the next start moves what the log has into the database and begins a new log.
    /// </summary>
    public static void EndProcessOfLog(Exception fault) => Environment.FailFast(
        $"The disk did not keep what was written to the database's log, so the server ends; requests that were not answered come again. {fault.Message}");

    private static string TextOf(nint db, int code) => code == IoErrorShmSize
        ? "the disk is full"
        : (db == 0 ? null : Marshal.PtrToStringUTF8(Sqlite3.sqlite3_errmsg(db))) ?? "no connection";

    private static string OneLine(string text)
    {
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= LongestText ? line : line[..LongestText] + "…";
    }

    private static StorageFailure KindOf(int code) => (code & 0xFF) switch
    {
        _ when code == IoErrorShmSize => StorageFailure.Full,
        Sqlite3.Full => StorageFailure.Full,
        Sqlite3.Busy or Sqlite3.Locked => StorageFailure.Busy,
        Sqlite3.Interrupt => StorageFailure.TimedOut,
        Sqlite3.Constraint or Sqlite3.TooBig or Sqlite3.Mismatch => StorageFailure.Rejected,
        _ => StorageFailure.Unavailable,
    };
}
