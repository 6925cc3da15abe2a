using Matrix.Durability.PowerLoss;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.Kill;

/// <summary>
/// Kills a first start while it lays out its database and creates the schema: the next start resumes it and serves
/// correctly.
/// </summary>
internal static class FirstStart
{
    private const int Rounds = 8;

    public static async Task ResumesAsync(int seed)
    {
        var writes = await WritesOfDatabaseAsync();
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            // One write in each part, at random.
            var from = writes.Count * round / Rounds;
            var to = writes.Count * (round + 1) / Rounds;
            await IsResumedAsync(writes[random.Next(from, to)]);
        }
    }

    /// <summary>The numbers of those writes of a complete first start that go to its database.</summary>
    private static async Task<IReadOnlyList<int>> WritesOfDatabaseAsync()
    {
        using var server = new HomeserverProcess();
        Directory.CreateDirectory(server.DataFolder);
        var record = Path.Combine(server.Folder, "record");
        Shim.Preload(server, record);
        await server.StartAsync();
        var processId = server.ProcessId;
        await server.KillAsync();

        var recording = Recording.Read($"{record}.{processId}");
        var numbers = recording.Calls.Where(call => call.Kind == RecordKind.Wrote).OrderBy(call => call.Begin)
            .Select((call, index) => (Path: recording.Paths[call.File], Number: index + 1))
            .Where(write => write.Path.Contains("matrix.db", StringComparison.Ordinal)
                && !write.Path.EndsWith("-shm", StringComparison.Ordinal))
            .Select(write => write.Number).ToList();
        return numbers.Count >= Rounds ? numbers
            : throw new LostException($"A first start wrote to its database only {numbers.Count} times.");
    }

    private static async Task IsResumedAsync(int killAt)
    {
        using var server = new HomeserverProcess();
        Directory.CreateDirectory(server.DataFolder);
        Shim.Preload(server, Path.Combine(server.Folder, "record"), killAt);
        try
        {
            await server.StartAsync();
            throw new LostException($"The server served, though it was to be killed at its write {killAt}.");
        }
        catch (InvalidOperationException)
        {
            // It was killed before it served.
        }

        if (!Directory.EnumerateFiles(server.DataFolder, "matrix.db*").Any())
        {
            throw new LostException($"Killed at its write {killAt}, the server left no database.");
        }

        Shim.Unload(server);
        await server.StartAsync();
        var account = Writes(server);
        await server.KillAsync();
        await server.StartAsync();
        using (var connection = account.Connection.To(Target.Parse(server.Url)))
        {
            if (connection.Get("/_matrix/client/v3/joined_rooms") != 200
                || !connection.BodyText.Contains('!', StringComparison.Ordinal))
            {
                throw new LostException(
                    $"Killed at its write {killAt}, the server lost a room later: {connection.BodyText}");
            }
        }

        _ = Writes(server);

        var (exitCode, _) = await server.StopAsync();
        if (exitCode != 0)
        {
            throw new LostException($"Killed at its write {killAt}, the server ended with {exitCode} later.");
        }
    }

    private static Account Writes(HomeserverProcess server)
    {
        var account = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], server.ProcessId,
            DataFolder: null)).Fresh();
        var roomId = account.CreateRoom("after a killed start");
        account.SetState(Uri.EscapeDataString(roomId), "m.room.topic", "", """{"topic":"written"}"""u8);
        return account;
    }
}
