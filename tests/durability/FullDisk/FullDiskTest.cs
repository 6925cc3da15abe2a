using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Durability.FullDisk;

/// <summary>
/// When there is no room left, writes get a clear answer, reads go on, and nothing that was acknowledged is lost. Once
/// there is room, the server goes on by itself.
/// </summary>
internal static class FullDiskTest
{
    private const int Small = 48;
    private const int Large = 160;
    private const int MostMessages = 20_000;

    private static readonly TimeSpan _goesOnWithin = TimeSpan.FromSeconds(30);
    // A database that compresses rows gains nothing.
    private static readonly string _long = Convert.ToHexString(RandomNumberGenerator.GetBytes(20_000));

    /// <summary>The data folder is full: database and media.</summary>
    public static async Task OnSqliteAsync()
    {
        using var server = new HomeserverProcess(settings: Open);
        using var volume = Volume.TryMount(server.DataFolder, Small);
        if (volume is null)
        {
            Console.WriteLine("        not run here: this process may not mount");
            return;
        }

        try
        {
            await CheckAsync(server, volume, mediaToo: true);
        }
        finally
        {
            await server.StopAsync();
        }
    }

    /// <summary>The volume with the tables of the database is full.</summary>
    public static async Task OnPostgresAsync(PostgresProcess postgres)
    {
        var folder = Path.Combine(postgres.Folder, "tables");
        using var volume = Volume.TryMount(folder, Small, ",mode=0777");
        if (volume is null)
        {
            Console.WriteLine("        not run here: this process may not mount");
            return;
        }

        // The server of the tests runs as the user who owns its data.
        _ = postgres.Sql("postgres", "SELECT 1");
        System.Diagnostics.Process.Start("chown", ["--reference", Path.Combine(postgres.Folder, "data"), folder])
            .WaitForExit();
        _ = postgres.Sql("postgres", $"CREATE TABLESPACE small LOCATION '{folder}'");
        _ = postgres.Sql("postgres", "CREATE DATABASE full_disk TABLESPACE small");
        using var server = new HomeserverProcess(postgres.AddressOf("full_disk"), Open);
        try
        {
            await CheckAsync(server, volume, mediaToo: false);
        }
        finally
        {
            await server.StopAsync();
            _ = postgres.Sql("postgres", "DROP DATABASE full_disk");
            _ = postgres.Sql("postgres", "DROP TABLESPACE small");
        }
    }

    private static Dictionary<string, string> Open => new() { ["MATRIX_REGISTRATION__ENABLED"] = "true" };

    private static async Task CheckAsync(HomeserverProcess server, Volume volume, bool mediaToo)
    {
        await server.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        var account = await (await http.PostAsJsonAsync(
            "/_matrix/client/v3/register",
            new { username = "alice", password = "correct horse", auth = new { type = "m.login.dummy" } }))
            .Content.ReadFromJsonAsync<JsonElement>();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer", account.GetProperty("access_token").GetString());
        var made = await (await http.PostAsJsonAsync("/_matrix/client/v3/createRoom", new { }))
            .Content.ReadFromJsonAsync<JsonElement>();
        var room = $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(made.GetProperty("room_id").GetString()!)}";
        var acknowledged = await FillAsync(http, room);

        // Reads go on.
        using (var sync = await http.GetAsync("/_matrix/client/v3/sync?timeout=0")) Expect(sync, HttpStatusCode.OK);
        using (var page = await http.GetAsync($"{room}/messages?dir=b&limit=5")) Expect(page, HttpStatusCode.OK);
        if (mediaToo)
        {
            using var content = new ByteArrayContent(new byte[1_000_000]);
            using var upload = await http.PostAsync("/_matrix/media/v3/upload", content);
            await ExpectFullAsync(upload);
        }

        // Room is made: the server goes on by itself.
        volume.Resize(Large);
        var until = DateTime.UtcNow + _goesOnWithin;
        while (true)
        {
            using var sent = await SendAsync(http, room, "there is room");
            if (sent.IsSuccessStatusCode) break;
            if (DateTime.UtcNow > until) throw new LostException($"it did not go on: {sent.StatusCode}");
            await Task.Delay(200);
        }

        await server.KillAsync();
        await server.StartAsync();
        foreach (var id in acknowledged)
        {
            using var found = await http.GetAsync($"{room}/event/{Uri.EscapeDataString(id)}");
            if (!found.IsSuccessStatusCode) throw new LostException($"{id} is lost: {found.StatusCode}");
        }
    }

    /// <summary>Sends until nothing more is taken, and returns what was acknowledged.</summary>
    private static async Task<List<string>> FillAsync(HttpClient http, string room)
    {
        var acknowledged = new List<string>();
        while (acknowledged.Count < MostMessages)
        {
            using var sent = await SendAsync(http, room, _long);
            if (!sent.IsSuccessStatusCode)
            {
                await ExpectFullAsync(sent, acknowledged.Count);
                return acknowledged;
            }

            var body = await sent.Content.ReadFromJsonAsync<JsonElement>();
            acknowledged.Add(body.GetProperty("event_id").GetString()!);
        }

        throw new LostException($"{MostMessages} messages fitted into {Small} MB.");
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient http, string room, string body) =>
        http.PutAsJsonAsync($"{room}/send/m.room.message/{Guid.NewGuid():N}", new { msgtype = "m.text", body });

    private static async Task ExpectFullAsync(HttpResponseMessage answer, int after = 0)
    {
        var body = await answer.Content.ReadAsStringAsync();
        if (answer.StatusCode != HttpStatusCode.ServiceUnavailable
            || !body.Contains("This server's storage is full.", StringComparison.Ordinal))
        {
            throw new LostException($"another answer: {answer.StatusCode} {body} after {after}");
        }
    }

    private static void Expect(HttpResponseMessage answer, HttpStatusCode status)
    {
        if (answer.StatusCode != status)
        {
            throw new LostException($"{answer.RequestMessage!.RequestUri} returned {answer.StatusCode}, not {status}");
        }
    }
}
