using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx db` on SQLite, while a server runs and after it.</summary>
[NonParallelizable]
internal sealed class SqliteDbTests : DbTests
{
    [Test]
    public async Task A_backup_taken_while_a_server_runs_is_served_like_the_original()
    {
        var room = await MakeRoomAsync();
        var copy = Path.Combine(Server.Folder, "copy", "data");
        Directory.CreateDirectory(copy);

        var ran = await RunAsync("db", "backup", Path.Combine(copy, "matrix.db"), "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(
            ran.Json.GetProperty("bytes").GetInt64(), Is.EqualTo(new FileInfo(Path.Combine(copy, "matrix.db")).Length));
        Assert.That(Directory.GetFiles(copy), Has.Length.EqualTo(1), "nothing else is left behind");
        Assert.That(
            File.GetUnixFileMode(Path.Combine(copy, "matrix.db")),
            Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        using var restored = new HomeserverProcess(
            settings: new Dictionary<string, string> { ["MATRIX_DATABASE__URL"] = $"sqlite:{copy}/matrix.db" });
        await restored.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(restored.Url) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        var joined = await http.GetFromJsonAsync<JsonElement>("/_matrix/client/v3/joined_rooms");
        Assert.That(joined.GetProperty("joined_rooms").EnumerateArray().Select(r => r.GetString()), Does.Contain(room));
        await restored.StopAsync();
    }

    [Test]
    public async Task Backup_and_sizes_work_without_a_running_server()
    {
        var room = await MakeRoomAsync();
        await Server.StopAsync();

        var backup = await RunAsync("db", "backup", Path.Combine(Server.Folder, "copy.db"));
        var sizes = await RunAsync("db", "sizes", "--format", "json");
        await Server.StartAsync();

        Assert.That(backup.Code, Is.Zero, backup.Errors);
        Assert.That(
            sizes.Json.GetProperty("rooms").EnumerateArray().Select(r => r.GetProperty("room_id").GetString()),
            Does.Contain(room));
    }

    [Test]
    public async Task A_backup_after_a_kill_has_everything_acknowledged()
    {
        var room = await MakeRoomAsync();
        await Server.KillAsync();
        var copy = Path.Combine(Server.Folder, "after-crash.db");

        var backup = await RunAsync("db", "backup", copy);
        var ofCopy = new Dictionary<string, string>(Server.Settings) { ["MATRIX_DATABASE__URL"] = $"sqlite:{copy}" };
        var sizes = await Command.RunInAsync(ofCopy, "", "db", "sizes", "--rooms", "1000", "--format", "json");
        await Server.StartAsync();

        Assert.That(backup.Code, Is.Zero, backup.Errors);
        Assert.That(
            sizes.Json.GetProperty("rooms").EnumerateArray().Select(r => r.GetProperty("room_id").GetString()),
            Does.Contain(room));
    }

    [Test]
    public async Task A_backup_overwrites_nothing()
    {
        var taken = Path.Combine(Server.Folder, "taken");
        await File.WriteAllTextAsync(taken, "mine");

        var ran = await RunAsync("db", "backup", taken);

        Assert.That((ran.Code, ran.Output, await File.ReadAllTextAsync(taken)), Is.EqualTo((1, "", "mine")));
        Assert.That(ran.Errors.TrimEnd('\n'), Does.StartWith($"mx: {taken} already exists").And.Not.Contain("\n"));
    }

    [Test]
    public async Task A_missing_folder_is_reported_in_one_line()
    {
        var ran = await RunAsync("db", "backup", Path.Combine(Server.Folder, "no", "such", "copy.db"));

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(
            ran.Errors.TrimEnd('\n'),
            Does.StartWith($"mx: {Server.Folder}/no/such/copy.db cannot be written").And.Not.Contain("\n"));
    }

    [Test]
    public async Task A_missing_database_is_not_created()
    {
        var folder = Path.Combine(Server.Folder, "empty");
        Directory.CreateDirectory(folder);

        var ran = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_DATA_DIR"] = folder }, "", "db", "sizes");

        Assert.That((ran.Code, ran.Errors), Is.EqualTo((1, $"mx: The database {folder}/matrix.db does not exist.\n")));
        Assert.That(Directory.GetFileSystemEntries(folder), Is.Empty);
    }

    [Test]
    public async Task A_file_that_is_not_a_database_is_reported_in_one_line()
    {
        var folder = Path.Combine(Server.Folder, "text");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "matrix.db"), new string('x', 10_000));

        var ran = await Command.RunInAsync(
            new Dictionary<string, string> { ["MATRIX_DATA_DIR"] = folder }, "", "db", "sizes");

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(ran.Errors.TrimEnd('\n'), Does.Contain("not a database").And.Not.Contain("\n"));
    }
}

/// <summary>`mx db` on PostgreSQL.</summary>
[Category("PostgreSQL")]
[NonParallelizable]
internal sealed class PostgresDbTests : DbTests
{
    private PostgresProcess _postgres = null!;

    protected override string? DatabaseUrl => (_postgres = new PostgresProcess()).Url;

    protected override void StopDatabase() => _postgres.Dispose();

    [Test]
    public async Task Backup_of_PostgreSQL_names_its_own_tools()
    {
        var ran = await RunAsync("db", "backup", Path.Combine(Server.Folder, "copy.db"));

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(ran.Errors.TrimEnd('\n'), Does.Contain("pg_dump").And.Not.Contain("\n"));
    }

    [Test]
    public async Task Clients_go_on_after_a_move_to_SQLite_and_one_to_PostgreSQL()
    {
        var room = await MakeRoomAsync();
        var since = (await SyncAsync("")).GetProperty("next_batch").GetString();
        var before = Server.Settings["MATRIX_DATABASE__URL"];
        var file = Path.Combine(Server.Folder, "moved.db");
        Assert.That((await RunAsync("db", "copy", "--to", file)).Errors, Does.Contain("in use by another process"));
        await Server.StopAsync();
        var later = await MoveAsync(file, $"sqlite:{file}", room, since!);
        Assert.That((await RunAsync("db", "compact")).Errors, Does.Contain("in use by another process"));
        await Server.StopAsync();
        var compacted = await RunAsync("db", "compact", "--format", "json");
        Assert.That(compacted.Code, Is.Zero, compacted.Errors);
        Assert.That(compacted.Json.GetProperty("bytes_after").GetInt64(), Is.Positive);

        var again = _postgres.NewDatabase("again");
        await MoveAsync(again, again, room, later);

        // Other tests go on with the first one.
        await Server.StopAsync();
        Server.Settings["MATRIX_DATABASE__URL"] = before;
        await Server.StartAsync();
    }

    /// <summary>
    /// Copies the database, starts the server on the copy, sends a message, and returns the token of a sync that has
    /// it.
    /// </summary>
    private async Task<string> MoveAsync(string to, string url, string room, string since)
    {
        var copied = await RunAsync("db", "copy", "--to", to, "--format", "json");
        Assert.That(copied.Code, Is.Zero, copied.Errors);
        Assert.That(copied.Json.GetProperty("rows").GetInt64(), Is.GreaterThan(20));
        Server.Settings["MATRIX_DATABASE__URL"] = url;
        await Server.StartAsync();
        using var http = Http();
        using var sent = await http.PutAsJsonAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(room)}/send/m.room.message/{Guid.NewGuid():N}",
            new { msgtype = "m.text", body = "still here" });
        var id = (await sent.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("event_id").GetString();
        var synced = await SyncAsync($"?since={Uri.EscapeDataString(since)}");
        var news = synced.GetProperty("rooms").GetProperty("join").GetProperty(room).GetProperty("timeline")
            .GetProperty("events").EnumerateArray().Select(one => one.GetProperty("event_id").GetString());
        Assert.That(news, Is.EqualTo(new[] { id }));
        return synced.GetProperty("next_batch").GetString()!;
    }

    private async Task<JsonElement> SyncAsync(string query)
    {
        using var http = Http();
        return await http.GetFromJsonAsync<JsonElement>($"/_matrix/client/v3/sync{query}");
    }

    [Test]
    public async Task An_unreachable_database_server_is_reported_in_one_line()
    {
        var url = $"postgres://a:secret@127.0.0.1:{Repository.FreePort()}/x";
        var settings = new Dictionary<string, string> { ["MATRIX_DATABASE__URL"] = url };

        var ran = await Command.RunInAsync(settings, "", "db", "sizes");

        Assert.That(ran.Code, Is.EqualTo(1));
        Assert.That(
            ran.Errors.TrimEnd('\n'), Does.StartWith("mx: PostgreSQL").And.Not.Contain("\n").And.Not.Contain("secret"));
    }
}

/// <summary>Tests for both databases, with a running server.</summary>
internal abstract class DbTests
{
    protected HomeserverProcess Server { get; private set; } = null!;

    protected string Token { get; private set; } = null!;

    protected virtual string? DatabaseUrl => null;

    [OneTimeSetUp]
    public async Task StartServer()
    {
        Server = new HomeserverProcess(
            DatabaseUrl, new Dictionary<string, string> { ["MATRIX_REGISTRATION__ENABLED"] = "true" });
        await Server.StartAsync();
        using var http = Http();
        using var made = await http.PostAsJsonAsync(
            "/_matrix/client/v3/register",
            new { username = "alice", password = "correct horse", auth = new { type = "m.login.dummy" } });
        Token = (await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()!;
    }

    [OneTimeTearDown]
    public async Task StopServer()
    {
        await Server.StopAsync();
        Server.Dispose();
        StopDatabase();
    }

    /// <summary>Stops the database server, if there is one.</summary>
    protected virtual void StopDatabase()
    {
    }

    [Test]
    public async Task Sizes_by_table_and_room_are_printed_while_a_server_runs()
    {
        var room = await MakeRoomAsync();

        var json = await RunAsync("db", "sizes", "--format", "json", "--rooms", "1000");
        var text = await RunAsync("db", "sizes");
        var markdown = await RunAsync("db", "sizes", "--format", "markdown");

        Assert.That(json.Code, Is.Zero, json.Errors);
        var tables = json.Json.GetProperty("tables").EnumerateArray()
            .ToDictionary(t => t.GetProperty("table").GetString()!, t => t.GetProperty("bytes").GetInt64());
        Assert.That(tables["events"], Is.Positive);
        Assert.That(tables.Values.Sum(), Is.EqualTo(json.Json.GetProperty("bytes").GetInt64()));
        var ours = json.Json.GetProperty("rooms").EnumerateArray()
            .Single(r => r.GetProperty("room_id").GetString() == room);
        Assert.That(ours.GetProperty("events").GetInt64(), Is.GreaterThan(4));
        Assert.That(ours.GetProperty("event_bytes").GetInt64(), Is.GreaterThan(1000));
        Assert.That(text.Output, Does.Match(@"(?m)^events +\d"));
        Assert.That(markdown.Output, Does.Contain("| table | bytes | rows |\n| --- | --- | --- |\n"));
    }

    [Test]
    public async Task The_rooms_option_limits_the_rooms_that_are_printed()
    {
        _ = await MakeRoomAsync();
        _ = await MakeRoomAsync();

        var ran = await RunAsync("db", "sizes", "--rooms", "1", "--format", "json");

        Assert.That(ran.Json.GetProperty("rooms").GetArrayLength(), Is.EqualTo(1));
    }

    protected Task<Ran> RunAsync(params string[] arguments) =>
        Command.RunInAsync(Server.Settings.AsReadOnly(), "", arguments);

    /// <summary>Creates a room with a few events and returns its id.</summary>
    protected async Task<string> MakeRoomAsync()
    {
        using var http = Http();
        using var made = await http.PostAsJsonAsync("/_matrix/client/v3/createRoom", new { preset = "private_chat" });
        return (await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("room_id").GetString()!;
    }

    /// <summary>A client that is signed in, once there is a token.</summary>
    protected HttpClient Http()
    {
        var http = new HttpClient { BaseAddress = new Uri(Server.Url) };
        if (Token is null) return http;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return http;
    }
}
