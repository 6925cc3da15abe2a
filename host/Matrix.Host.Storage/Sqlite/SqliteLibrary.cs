using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite.Native;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Requirements on the system's SQLite. An operator's library may be older, or built without locks.</summary>
internal static class SqliteLibrary
{
    // RETURNING needs 3.35.0.
    private const int LeastVersion = 3_035_000;

    /// <summary>Throws if the server cannot use the system's library.</summary>
    public static void Check() => Check(Sqlite3.sqlite3_threadsafe(), Sqlite3.sqlite3_libversion_number());

    internal static void Check(int threadSafe, int version)
    {
        if (version < LeastVersion)
        {
            throw Refused($"it is version {Named(version)}, and at least {Named(LeastVersion)} is needed");
        }

        if (threadSafe == 0)
        {
            // Connections of different threads share memory in it.
            throw Refused("it is built for a single thread (SQLITE_THREADSAFE=0)");
        }
    }

    private static StorageException Refused(string why) =>
        new(StorageFailure.Refused, $"The system's libsqlite3 cannot be used: {why}.");

    private static string Named(int version) =>
        string.Create(CultureInfo.InvariantCulture, $"{version / 1_000_000}.{version / 1000 % 1000}.{version % 1000}");
}
