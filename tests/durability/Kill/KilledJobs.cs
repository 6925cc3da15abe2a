using System.Diagnostics;
using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.Kill;

/// <summary>
/// Kills the server in the middle of a deletion of a room, and of a purge of history. The next start goes on with the
/// job, nothing that it deletes is served in part, and everything else stays.
/// </summary>
internal sealed class KilledJobs : IDisposable
{
    private const int Messages = 200;
    private const int Purged = 150;
    private const int KeptMessages = 20;
    private const int Kills = 4;
    private const string Client = "/_matrix/client/v3/";
    private const string Admin = "/_synapse/admin/";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly HomeserverProcess _server;
    private readonly Random _random;
    private readonly List<string> _problems = [];
    private IReadOnlyList<Account> _accounts = [];

    /// <param name="databaseUrl">As in the configuration; null for SQLite in the data folder.</param>
    /// <param name="seed">Decides the instants.</param>
    public KilledJobs(string? databaseUrl, int seed)
    {
        _server = new HomeserverProcess(databaseUrl);
        _random = new Random(seed);
        // Many small steps, so that a kill meets one.
        _server.Settings["MATRIX_JOBS__ROWS"] = "2";
        _server.Settings["MATRIX_JOBS__GRACE"] = "50ms";
    }

    public void Dispose() => _server.Dispose();

    /// <summary>A deletion goes on until nothing of the room is served, and touches no other room.</summary>
    public async Task DeletionAsync()
    {
        await StartAsync();
        var (room, sent) = MakeRoom("deleted", Messages);
        var (kept, keptSent) = MakeRoom("kept", KeptMessages);
        var begun = await AskAsync(HttpMethod.Delete, $"v2/rooms/{Escaped(room)}", """{"block":true}""");
        var job = begun.GetProperty("delete_id").GetString()!;
        await KillAndAwaitAsync($"v2/rooms/delete_status/{job}");

        var (status, _) = await ControlSocket.SendAsync(
            _server.DataFolder, HttpMethod.Get, $"{Admin}v1/rooms/{Escaped(room)}");
        if (status != 404) _problems.Add($"the room is still known: {status}");
        foreach (var account in _accounts)
        {
            account.Get(Client + "joined_rooms");
            var joined = account.Connection.BodyText;
            if (joined.Contains(room, StringComparison.Ordinal)) _problems.Add($"{account.UserId} is still joined");
            if (!joined.Contains(kept, StringComparison.Ordinal)) _problems.Add($"{account.UserId} lost another room");
            _problems.AddRange(sent.Where(id => account.HasEvent(room, id)).Select(id => $"{id} is still served"));
        }

        MustHave(kept, keptSent);
        LostException.ThrowIfAny(_problems);
    }

    /// <summary>A purge goes on until what is before an event is gone, and keeps the rest and the members.</summary>
    public async Task PurgeAsync()
    {
        await StartAsync();
        var (room, sent) = MakeRoom("purged", Messages);
        var begun = await AskAsync(
            HttpMethod.Post,
            $"v1/purge_history/{Escaped(room)}",
            $$"""{"purge_up_to_event_id":"{{sent[Purged]}}","delete_local_events":true}""");
        await KillAndAwaitAsync($"v1/purge_history_status/{begun.GetProperty("purge_id").GetString()}");

        _problems.AddRange(
            sent.Take(Purged).Where(id => _accounts[0].HasEvent(room, id)).Select(id => $"{id} is still served"));
        MustHave(room, sent.Skip(Purged));
        if (_accounts[0].JoinedMembers(room) != _accounts.Count) _problems.Add("the room lost members");
        var (_, later) = Say(room, 1);
        MustHave(room, later);
        LostException.ThrowIfAny(_problems);
    }

    private async Task StartAsync()
    {
        await _server.StartAsync();
        _accounts = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(_server.Url), _server.Secret, [], _server.ProcessId,
            DataFolder: null)).First(3);
    }

    private (string RoomId, List<string> Sent) MakeRoom(string name, int messages)
    {
        var room = _accounts[0].CreateRoom(name);
        foreach (var account in _accounts.Skip(1)) account.Join(room);
        return Say(room, messages);
    }

    private (string RoomId, List<string> Sent) Say(string room, int messages)
    {
        var sent = new List<string>();
        for (var i = 0; i < messages; i++)
        {
            var said = Request.Message(room);
            var account = _accounts[i % _accounts.Count];
            account.Put(said.Path, said.Body);
            using var answer = JsonDocument.Parse(account.Connection.BodyText);
            sent.Add(answer.RootElement.GetProperty("event_id").GetString()!);
        }

        return (room, sent);
    }

    /// <summary>Kills the server some times while the job runs, and then lets it end.</summary>
    private async Task KillAndAwaitAsync(string statusPath)
    {
        var met = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            // A job takes a few hundred milliseconds: the first kill comes early, to meet it on a machine that stalls.
            await Task.Delay(kill == 0 ? _random.Next(20) : _random.Next(10, 200));
            if (await HasEndedAsync(statusPath)) break;
            await _server.KillAsync();
            await _server.StartAsync();
            met++;
        }

        if (met == 0) throw new LostException("The job ended before a kill.");
        var watch = Stopwatch.StartNew();
        while (!await HasEndedAsync(statusPath))
        {
            if (watch.Elapsed > Patience) throw new LostException($"The job did not end within {Patience}.");
            await Task.Delay(50);
        }
    }

    private async Task<bool> HasEndedAsync(string statusPath)
    {
        var status = (await AskAsync(HttpMethod.Get, statusPath, null)).GetProperty("status").GetString();
        return status == "failed" ? throw new LostException("The job failed.") : status == "complete";
    }

    private async Task<JsonElement> AskAsync(HttpMethod method, string path, string? body)
    {
        var (status, text) = await ControlSocket.SendAsync(_server.DataFolder, method, Admin + path, body);
        if (status != 200) throw new LostException($"{method} {path}: {status} {text}");
        using var json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }

    private void MustHave(string room, IEnumerable<string> events) => _problems.AddRange(
        events.Where(id => !_accounts[0].HasEvent(room, id)).Select(id => $"{id} in {room} is lost"));

    private static string Escaped(string id) => Uri.EscapeDataString(id);
}
