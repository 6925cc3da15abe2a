using System.Runtime.InteropServices;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite.Native;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Classifies SQLite's result codes.</summary>
internal static class SqliteFault
{
    private const int LongestText = 80;

    // The index beside the log could not grow: SQLite reports a full disk there only in this way.
    private const int IoErrorShmSize = 4874;

    public static StorageException Of(nint db, int code, string doing) => new(
        KindOf(code),
        $"SQLite, {OneLine(doing)}: {TextOf(db, code)} (code {code}).");

    /// <summary>
    /// Ends the process after a failed sync of the database. The disk drops such writes and reports the failure once.
    /// The log still has all of them, and the next start moves the whole log again. Nothing may change the log before
    /// that, so the process ends as if it were killed.
    /// </summary>
    public static void EndProcess(Exception fault) =>
        Environment.FailFast(
            "The disk lost writes to the database, so the server stops; the next start recovers them. "
                + fault.Message);

    /// <summary>
    /// Ends the process after a failed sync of the log. The commit may or may not be on the disk. If it is, an error
    /// response would be wrong; a later sync that succeeds proves nothing about the pages of this commit. So no request
    /// gets a response. The next start moves the log into the database and starts a new log.
    /// </summary>
    public static void EndProcessOfLog(Exception fault) => Environment.FailFast(
        "The disk lost writes to the database's log, so the server stops; clients repeat unanswered requests. "
            + fault.Message);

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
