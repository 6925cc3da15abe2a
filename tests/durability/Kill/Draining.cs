using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.Kill;

/// <summary>On SIGTERM under load, the server answers all clients and exits in time.</summary>
internal static class Draining
{
    private const int Clients = 10;

    // The server promises five; a machine that stalls may take some more.
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(15);

    public static async Task CheckAsync(string? databaseUrl)
    {
        using var server = new HomeserverProcess(databaseUrl);
        await server.StartAsync();
        var population = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], ProcessId: null,
            DataFolder: null));
        var accounts = population.First(Clients);
        var roomId = accounts[0].CreateRoom("draining");
        foreach (var account in accounts.Skip(1))
        {
            account.Join(roomId);
        }

        var clients = accounts.Take(Clients - 1).Select(a => new SendingClient(a, () => Request.Message(roomId)))
            .ToList();
        var waiting = new Observer(accounts[^1]);
        waiting.CatchUp();
        var threads = clients.Select(c => c.Start()).Append(waiting.Start()).ToList();
        await SendingClient.UntilAsync(() => clients.TrueForAll(client => client.Answers > 0));

        var (exitCode, took) = await server.StopAsync();
        threads.ForEach(t => t.Join());
        var problems = clients.Where(c => c.Problem is not null).Select(c => c.Problem!.Message).ToList();
        if (exitCode != 0 || took > Most)
        {
            problems.Add($"exit code {exitCode} after {took.TotalSeconds:0.00} s");
        }

        await server.StartAsync();
        problems.AddRange(clients.SelectMany(client => client.Lost()));
        LostException.ThrowIfAny(problems);
    }
}
