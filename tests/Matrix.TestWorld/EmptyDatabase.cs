using Matrix.Host.Storage;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.TestWorld;

/// <summary>
/// A SQLite database of today's schema, without a user or a room. Making one takes longer than most tests, so it is
/// made once and copied.
/// </summary>
internal static class EmptyDatabase
{
    /// <summary>The file's name where the configuration says nothing else.</summary>
    private const string FileName = "matrix.db";

    /// <summary>Its address in the configuration.</summary>
    public const string Url = "sqlite:" + FileName;

    private static readonly Lazy<Task<byte[]>> _made = new(MakeAsync);

    /// <summary>Puts one into the data folder of a server that has not started yet.</summary>
    public static async Task CopyIntoAsync(string folder)
    {
        var file = Path.Combine(folder, FileName);
        await File.WriteAllBytesAsync(file, await _made.Value);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static async Task<byte[]> MakeAsync()
    {
        var folder = Directory.CreateTempSubdirectory("matrix-empty-").FullName;
        try
        {
            var options = new StorageOptions { Url = Url, DataDir = folder, ServerName = TestServer.ServerName };
            var storage = await StorageEngine.OpenAsync(options, CancellationToken.None);
            await storage.DisposeAsync();
            var file = Path.Combine(folder, FileName);
            using (var database = SqliteConnection.Open(file, busyTimeoutMs: 1000))
            {
                // The server that starts with a copy writes its own name.
                database.Execute("DELETE FROM identity");
            }

            return await File.ReadAllBytesAsync(file);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
