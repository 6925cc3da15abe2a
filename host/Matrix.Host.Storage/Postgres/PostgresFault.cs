using System.Net.Sockets;
using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Classifies PostgreSQL's errors.</summary>
internal static class PostgresFault
{
    /// <summary>Whether the exception is a fault of the database, to be reported as a storage failure.</summary>
    public static bool IsDatabaseFault(Exception fault) =>
        fault is NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException;

    /// <summary>
    /// Whether the server answered with an error, and goes on with the session: then the request was not executed.
    /// Otherwise its outcome is unknown.
    /// </summary>
    public static bool IsFromServer(Exception fault) =>
        fault is StorageException or PostgresException { InvariantSeverity: not ("FATAL" or "PANIC") };

    public static StorageException Of(Exception fault, string doing) => fault switch
    {
        StorageException known => known,
        PostgresException answer => new StorageException(
            KindOf(answer.SqlState), $"PostgreSQL, {doing}: {answer.MessageText} ({answer.SqlState}).", answer),
        _ => new StorageException(StorageFailure.Unavailable, $"PostgreSQL, {doing}: {fault.Message}", fault),
    };

    private static StorageFailure KindOf(string state) => state switch
    {
        PostgresErrorCodes.DiskFull => StorageFailure.Full,
        PostgresErrorCodes.LockNotAvailable
            or PostgresErrorCodes.DeadlockDetected
            or PostgresErrorCodes.SerializationFailure =>
            StorageFailure.Busy,
        PostgresErrorCodes.QueryCanceled => StorageFailure.TimedOut,
        ['2', '2', ..] or ['2', '3', ..] or PostgresErrorCodes.ProgramLimitExceeded => StorageFailure.Rejected,
        _ => StorageFailure.Unavailable,
    };
}
