using System.Runtime.InteropServices;

namespace Matrix.Benchmarks.Measures;

/// <summary>Runs a statement on a SQLite file that no process has open.</summary>
internal static partial class SqliteFile
{
    private const string Library = "libsqlite3.so.0";

    public static void Execute(string file, string statement)
    {
        var opened = Open(file, out var connection);
        try
        {
            if (opened != 0 || Exec(connection, statement, 0, 0, 0) != 0)
            {
                throw new InvalidOperationException(
                    $"{statement} on {file}: {Marshal.PtrToStringUTF8(Message(connection))}");
            }
        }
        finally
        {
            _ = Close(connection);
        }
    }

    [LibraryImport(Library, EntryPoint = "sqlite3_open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string file, out nint connection);

    [LibraryImport(Library, EntryPoint = "sqlite3_exec", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Exec(nint connection, string statement, nint callback, nint argument, nint message);

    [LibraryImport(Library, EntryPoint = "sqlite3_errmsg")]
    private static partial nint Message(nint connection);

    [LibraryImport(Library, EntryPoint = "sqlite3_close")]
    private static partial int Close(nint connection);
}
