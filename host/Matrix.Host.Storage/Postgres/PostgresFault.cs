using System.Net.Sockets;
using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>What PostgreSQL's errors mean here.</summary>
internal static class PostgresFault
{
    /// <summary>Whether the fault is the store's to report.</summary>
    public static bool IsOne(Exception fault) =>
        fault is NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException;

    /// <summary>Whether the server answered: what it was asked was not done. Otherwise nobody knows.</summary>
    public static bool IsAnswer(Exception fault) =>
        fault is StorageException or PostgresException { SqlState: not (PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown) };

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
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure =>
            StorageFailure.Busy,
        PostgresErrorCodes.QueryCanceled => StorageFailure.TimedOut,
        ['2', '2', ..] or ['2', '3', ..] or PostgresErrorCodes.ProgramLimitExceeded => StorageFailure.Rejected,
        _ => StorageFailure.Unavailable,
    };
}
