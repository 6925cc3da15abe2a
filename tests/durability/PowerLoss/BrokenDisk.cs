using Matrix.Durability.Kill;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.PowerLoss;

/// <summary>
/// A disk that loses a file's pages and fails the sync. If the file is the database, the server must end and keep the
/// log. If it is the log, the server must end, because it cannot say whether a request was carried out. The next start
/// has everything that was acknowledged.
/// </summary>
internal static class BrokenDisk
{
    private const int Clients = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="file">The file, in the data folder.</param>
    /// <param name="says">The server's message.</param>
    public static async Task EndsTheServerAndLosesNothingAsync(string file, string says)
    {
        using var server = new HomeserverProcess();
        Directory.CreateDirectory(server.DataFolder);
        Shim.Preload(server, Path.Combine(server.Folder, "record"));
        var broken = Path.Combine(server.Folder, "broken");
        server.Settings["MATRIX_RECORD_BROKEN"] = broken;
        server.Settings["MATRIX_RECORD_BROKEN_FILE"] = file;
        await server.StartAsync();
        var population = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], server.ProcessId,
            DataFolder: null));
        var accounts = population.First(Clients);
        var roomId = accounts[0].CreateRoom("broken disk");
        foreach (var account in accounts.Skip(1))
        {
            account.Join(roomId);
        }

        await File.WriteAllTextAsync(broken, "");
        var clients = accounts.Select(account => new SendingClient(account, () => Request.Message(roomId))).ToList();
        var threads = clients.Select(client => client.Start()).ToList();
        var exitCode = await server.EndsAsync(Patience);
        threads.ForEach(thread => thread.Join());
        var problems = clients.Where(client => client.Problem is not null).Select(client => client.Problem!.Message)
            .ToList();
        if (exitCode == 0 || !server.LogEnd().Contains(says, StringComparison.Ordinal))
        {
            problems.Add($"the server ended with {exitCode} and did not say why: {server.LogEnd()}");
        }

        Shim.Unload(server);
        await server.StartAsync();
        problems.AddRange(clients.SelectMany(client => client.Lost()));
        LostException.ThrowIfAny(problems);
    }
}
