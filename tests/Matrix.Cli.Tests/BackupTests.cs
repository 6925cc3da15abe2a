using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx backup` of a server on SQLite, restored on PostgreSQL.</summary>
[Category("PostgreSQL")]
[NonParallelizable]
internal sealed class SqliteBackupTests : BackupTests
{
    protected override string? SourceUrl => null;

    protected override string? TargetUrl(string name) => Postgres.NewDatabase(name);
}

/// <summary>`mx backup` of a server on PostgreSQL, restored on SQLite.</summary>
[Category("PostgreSQL")]
[NonParallelizable]
internal sealed class PostgresBackupTests : BackupTests
{
    protected override string? SourceUrl => Postgres.NewDatabase("source");

    protected override string? TargetUrl(string name) => null;
}

/// <summary>Backups that are taken while a server runs, and restored elsewhere.</summary>
internal abstract class BackupTests
{
    private HomeserverProcess _server = null!;
    private string _token = null!;
    private string _room = null!;
    private int _drills;

    protected PostgresProcess Postgres { get; private set; } = null!;

    protected abstract string? SourceUrl { get; }

    protected abstract string? TargetUrl(string name);

    [OneTimeSetUp]
    public async Task StartServer()
    {
        Postgres = new PostgresProcess(inMemory: true);
        _server = new HomeserverProcess(
            SourceUrl, new Dictionary<string, string> { ["MATRIX_REGISTRATION__ENABLED"] = "true" });
        Directory.CreateDirectory(_server.DataFolder);
        await File.WriteAllTextAsync(
            Path.Combine(_server.DataFolder, "homeserver.yaml"), "limits:\n  backups: 77\n");
        await _server.StartAsync();
        (_token, _) = await RegisterAsync(_server, "alice");
        using var http = Http(_server, _token);
        _room = (await PostAsync(http, "/_matrix/client/v3/createRoom", new { preset = "private_chat" }))
            .GetProperty("room_id").GetString()!;
    }

    [OneTimeTearDown]
    public async Task StopServer()
    {
        await _server.StopAsync();
        _server.Dispose();
        Postgres.Dispose();
    }

    [Test]
    public async Task A_restored_server_goes_on_from_the_backup_above_what_came_after_it()
    {
        using var http = Http(_server, _token);
        var media = await UploadAsync(http, "a picture");
        await UploadKeysAsync(http);
        var kept = await SendAsync(http, "before the backup");
        var folder = Folder();
        using var sending = new CancellationTokenSource();
        var load = SendUntilAsync(http, sending.Token);
        await BackupAsync(folder);
        await sending.CancelAsync();
        await load;
        var lost = await SendAsync(http, "after the backup");
        var (since, _) = await SyncAsync(http, "");

        using var restored = await RestoreAsync(folder, expectedKeys: 2);
        using var there = Http(restored, _token);
        var (_, synced) = await SyncAsync(there, "");
        Assert.That(Bodies(synced), Is.All.EqualTo("under load"));
        Assert.That(await StatusOfAsync(there, kept), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusOfAsync(there, lost), Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(
            synced.GetProperty("device_one_time_keys_count").GetProperty("signed_curve25519").GetInt32(), Is.Zero,
            "claimed keys may not be handed out again");
        Assert.That(synced.GetProperty("device_unused_fallback_key_types").GetArrayLength(), Is.Zero);
        await UploadKeysAsync(there);

        // A token of the time after the backup names nothing that is lost, and misses nothing that is new.
        var id = await SendAsync(there, "after the restore");
        var (_, news) = await SyncAsync(there, $"&since={Uri.EscapeDataString(since)}");
        Assert.That(Bodies(news), Is.EqualTo(new[] { "after the restore" }));
        Assert.That(await StatusOfAsync(there, id), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await there.GetStringAsync(DownloadOf(media)), Is.EqualTo("a picture"));
        Assert.That(
            await File.ReadAllTextAsync(Path.Combine(restored.DataFolder, "signing.key")),
            Is.EqualTo(await File.ReadAllTextAsync(Path.Combine(_server.DataFolder, "signing.key"))));
        Assert.That(
            await File.ReadAllTextAsync(Path.Combine(restored.DataFolder, "homeserver.yaml")),
            Does.Contain("backups: 77"));
        await restored.StopAsync();
    }

    [Test]
    public async Task A_second_backup_writes_what_is_new_only()
    {
        using var http = Http(_server, _token);
        await UploadAsync(http, new string('x', 300_000));
        var folder = Folder();
        var first = await BackupAsync(folder);
        await SendAsync(http, "one more");

        var second = await BackupAsync(folder);

        Assert.That(first.GetProperty("written_chunks").GetInt64(), Is.EqualTo(first.GetProperty("chunks").GetInt64()));
        Assert.That(
            second.GetProperty("written_chunks").GetInt64(),
            Is.InRange(1, second.GetProperty("chunks").GetInt64() / 2));
        var list = await RunAsync("restore", folder, "--list", "--format", "json");
        Assert.That(list.Json.GetProperty("backups").GetArrayLength(), Is.EqualTo(2));
    }

    [Test]
    public async Task The_oldest_backups_go_with_the_chunks_that_only_they_have()
    {
        var folder = Folder();
        await BackupAsync(folder);
        using var http = Http(_server, _token);
        await SendAsync(http, "one more");

        var second = await BackupAsync(folder, "--keep", "1");

        Assert.That(second.GetProperty("deleted_chunks").GetInt64(), Is.Positive);
        Assert.That(Directory.GetFiles(Path.Combine(folder, "snapshots")), Has.Length.EqualTo(1));
        var chunks = Directory.GetFiles(Path.Combine(folder, "chunks"), "*", SearchOption.AllDirectories);
        Assert.That(chunks, Has.Length.LessThanOrEqualTo(second.GetProperty("chunks").GetInt64()));
        using var restored = await RestoreAsync(folder, expectedKeys: null);
        await restored.StopAsync();
    }

    [Test]
    public async Task Without_the_key_an_encrypted_backup_says_nothing()
    {
        var (folder, key, other) = (Folder(), Path.GetTempFileName(), Path.GetTempFileName());
        File.Delete(key);
        File.Delete(other);
        using var http = Http(_server, _token);
        var media = await UploadAsync(http, "a secret picture");
        var taken = await BackupAsync(folder, "--key", key, "--new-key");
        Assert.That(taken.GetProperty("chunks").GetInt64(), Is.Positive);

        Assert.That((await RunAsync("restore", folder, "--list")).Errors, Does.Contain("their key is needed"));
        await BackupAsync(Folder(), "--key", other, "--new-key");
        Assert.That(
            (await RunAsync("restore", folder, "--list", "--key", other)).Errors, Does.Contain("have another key"));
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            Assert.That(await File.ReadAllTextAsync(file), Does.Not.Contain("secret").And.Not.Contain("alice"));
        }

        using var restored = await RestoreAsync(folder, expectedKeys: null, "--key", key);
        using var there = Http(restored, _token);
        Assert.That(await there.GetStringAsync(DownloadOf(media)), Is.EqualTo("a secret picture"));
        await restored.StopAsync();
    }

    [Test]
    public async Task A_damaged_chunk_is_named_and_the_server_does_not_start_on_what_was_restored()
    {
        var folder = Folder();
        await BackupAsync(folder);
        var chunks = Directory.GetFiles(Path.Combine(folder, "chunks"), "*", SearchOption.AllDirectories);
        foreach (var chunk in chunks)
        {
            if (new FileInfo(chunk).Length < 1000) continue;
            await File.WriteAllBytesAsync(chunk, new byte[1000]);
        }

        using var target = Target();
        var ran = await Command.RunInAsync(target.Settings.AsReadOnly(), "", "restore", folder);

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(ran.Errors.TrimEnd('\n'), Does.StartWith($"mx: {folder}: the chunk ").And.EndsWith(" is damaged."));
        var refused = Assert.ThrowsAsync<InvalidOperationException>(() => target.StartAsync())!;
        Assert.That(refused.Message, Does.Contain("is not complete"));
    }

    [Test]
    public async Task Nothing_that_is_there_is_overwritten()
    {
        var folder = Folder();
        await BackupAsync(folder);
        using var target = Target();
        Directory.CreateDirectory(target.DataFolder);
        var key = Path.Combine(target.DataFolder, "signing.key");
        await File.WriteAllTextAsync(key, "another key");

        var ran = await Command.RunInAsync(target.Settings.AsReadOnly(), "", "restore", folder);

        Assert.That((ran.Code, await File.ReadAllTextAsync(key)), Is.EqualTo((1, "another key")));
        Assert.That(ran.Errors, Does.StartWith($"mx: {key} exists, and is not what was backed up."));
    }

    private async Task<HttpStatusCode> StatusOfAsync(HttpClient http, string id)
    {
        using var answer = await http.GetAsync(new Uri(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(_room)}/event/{Uri.EscapeDataString(id)}",
            UriKind.Relative));
        return answer.StatusCode;
    }

    private static string DownloadOf(string media) =>
        $"/_matrix/client/v1/media/download/{media["mxc://".Length..]}";

    private static IEnumerable<string?> Bodies(JsonElement synced) => synced
        .GetProperty("rooms").GetProperty("join").EnumerateObject().Single().Value
        .GetProperty("timeline").GetProperty("events").EnumerateArray()
        .Where(static one => one.GetProperty("type").GetString() == "m.room.message")
        .Select(static one => one.GetProperty("content").GetProperty("body").GetString());

    private static async Task<(string Since, JsonElement Body)> SyncAsync(HttpClient http, string query)
    {
        var body = await http.GetFromJsonAsync<JsonElement>($"/_matrix/client/v3/sync?timeout=0{query}");
        return (body.GetProperty("next_batch").GetString()!, body);
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, object body)
    {
        using var answer = await http.PostAsJsonAsync(path, body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static async Task<(string Token, string Device)> RegisterAsync(HomeserverProcess server, string name)
    {
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        var made = await PostAsync(
            http,
            "/_matrix/client/v3/register",
            new { username = name, password = "correct horse", auth = new { type = "m.login.dummy" } });
        return (made.GetProperty("access_token").GetString()!, made.GetProperty("device_id").GetString()!);
    }

    private static async Task<string> UploadAsync(HttpClient http, string text)
    {
        using var content = new StringContent(text);
        using var answer = await http.PostAsync(new Uri("/_matrix/media/v3/upload", UriKind.Relative), content);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return body.GetProperty("content_uri").GetString()!;
    }

    private static async Task UploadKeysAsync(HttpClient http)
    {
        var name = Guid.NewGuid().ToString("N");
        await PostAsync(http, "/_matrix/client/v3/keys/upload", new Dictionary<string, object>
        {
            ["one_time_keys"] = new Dictionary<string, object> { [$"signed_curve25519:{name}"] = Key(name) },
            ["fallback_keys"] = new Dictionary<string, object> { [$"signed_curve25519:f{name}"] = Key(name) },
        });

        static object Key(string name) => new { key = name, signatures = new Dictionary<string, object>() };
    }

    private static async Task SendUntilAsync(HttpClient http, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested && i < 10_000; i++) await SendAsync(http, "under load", i);
    }

    private static async Task<string> SendAsync(HttpClient http, string text, int number = 0)
    {
        var rooms = await http.GetFromJsonAsync<JsonElement>("/_matrix/client/v3/joined_rooms");
        var room = rooms.GetProperty("joined_rooms")[0].GetString()!;
        using var answer = await http.PutAsJsonAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/send/m.room.message/{number}{Guid.NewGuid():N}",
            new { msgtype = "m.text", body = text });
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("event_id").GetString()!;
    }

    private static HttpClient Http(HomeserverProcess server, string token)
    {
        var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    private string Folder() => Path.Combine(_server.Folder, $"backups{++_drills}");

    private HomeserverProcess Target() => new(TargetUrl($"drill{++_drills}"));

    private Task<Ran> RunAsync(params string[] arguments) =>
        Command.RunInAsync(_server.Settings.AsReadOnly(), "", arguments);

    private async Task<JsonElement> BackupAsync(string folder, params string[] more)
    {
        var ran = await RunAsync(["backup", folder, "--format", "json", .. more]);
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        return ran.Json;
    }

    /// <summary>Restores the newest backup, and starts a server on it.</summary>
    private async Task<HomeserverProcess> RestoreAsync(string folder, long? expectedKeys, params string[] more)
    {
        var target = Target();
        var ran = await Command.RunInAsync(
            target.Settings.AsReadOnly(), "", ["restore", folder, "--format", "json", .. more]);
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        if (expectedKeys is { } keys) Assert.That(ran.Json.GetProperty("keys_left_out").GetInt64(), Is.EqualTo(keys));
        await target.StartAsync();
        return target;
    }
}
