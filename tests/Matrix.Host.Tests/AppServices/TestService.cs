using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.AppServices;

/// <summary>A request that the service got.</summary>
internal sealed record ServiceRequest(string Method, string Path, string Query, string? Authorization, string Body)
{
    public bool IsTransaction => Path.Contains("/transactions/", StringComparison.Ordinal);

    public JsonObject Json => JsonNode.Parse(Body)!.AsObject();

    public IReadOnlyList<JsonObject> Events => [.. Json["events"]!.AsArray().Select(each => each!.AsObject())];

    public IEnumerable<string> Bodies => Events.Select(each => (string?)each["content"]!["body"]).OfType<string>();
}

/// <summary>An application service, with its registration file.</summary>
internal sealed class TestService : IAsyncDisposable
{
    public const string Token = "the-as-token";
    public const string HomeserverToken = "the-hs-token";

    private readonly WebApplication _app;
    private readonly Channel<ServiceRequest> _taken = Channel.CreateUnbounded<ServiceRequest>();

    private TestService(WebApplication app, string folder) => (_app, Folder) = (app, folder);

    public string Folder { get; }

    public string Url => _app.Urls.First();

    /// <summary>All requests, in order.</summary>
    public ConcurrentQueue<ServiceRequest> Requests { get; } = [];

    /// <summary>Decides the response.</summary>
    public Func<ServiceRequest, Task<(int Status, string Body)>> Responds { get; set; } = _ => Task.FromResult(Ok);

    public static (int Status, string Body) Ok => (200, "{}");

    public IEnumerable<ServiceRequest> Transactions => Requests.Where(each => each.IsTransaction);

    public static async Task<TestService> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var service = new TestService(
            builder.Build(), Directory.CreateTempSubdirectory("matrix-service-").FullName);
        service._app.Run(SeenRequests.Recording(service.HandleAsync));
        await service._app.StartAsync();
        return service;
    }

    /// <summary>Always answers so.</summary>
    public void Answers(int status, string body = "{}") => Responds = _ => Task.FromResult((status, body));

    /// <summary>Writes the registration file.</summary>
    public void Registers(string more = "", string? namespaces = null, string? url = null, string id = "bridge")
    {
        var token = id == "bridge" ? Token : id + "-token";
        url ??= $"\"{Url}\"";
        namespaces ??= """
              users:
                - exclusive: true
                  regex: "@_irc_.*"
              aliases:
                - exclusive: true
                  regex: "#_irc_.*"
              rooms: []
            """;
        File.WriteAllText(Path.Combine(Folder, id + ".yaml"), $"""
            id: "{id}"
            url: {url}
            as_token: "{token}"
            hs_token: "{HomeserverToken}"
            sender_localpart: "_{id}"
            namespaces:
            {namespaces}
            {more}
            """);
    }

    /// <summary>Waits for the first transaction with such an event, among those not waited for before.</summary>
    public async Task<ServiceRequest> TakesAsync(Func<ServiceRequest, bool> wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var request = await _taken.Reader.ReadAsync(limit.Token);
            if (request.IsTransaction && wanted(request)) return request;
        }
    }

    /// <summary>Waits for messages, and returns all from now up to the last of them in the order in which they
    /// came.</summary>
    public async Task<IReadOnlyList<string>> GetsAsync(string last)
    {
        var bodies = new List<string>();
        await TakesAsync(request =>
        {
            bodies.AddRange(request.Bodies);
            return bodies.Contains(last);
        });
        return bodies;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var request = new ServiceRequest(
            http.Request.Method,
            http.Request.Path.Value ?? "",
            http.Request.QueryString.Value ?? "",
            http.Request.Headers.Authorization,
            await reader.ReadToEndAsync());
        Requests.Enqueue(request);
        var (status, body) = await Responds(request);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body);
        if (status == 200) _taken.Writer.TryWrite(request);
    }
}

/// <summary>A server with a bridge, alice and bob.</summary>
internal abstract class AppServiceTests(string databaseKind = TestDatabase.Sqlite)
{
    private TestDatabase _database = null!;

    protected TestService Service { get; private set; } = null!;

    protected TestServer Server { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    /// <summary>The service itself.</summary>
    protected TestClient Bridge => new(Server, TestService.Token);

    /// <summary>Further keys of the registration.</summary>
    protected virtual string Registration => "";

    protected virtual (string Key, string Value)[] Settings => [];

    [SetUp]
    public async Task StartServer()
    {
        Service = await TestService.StartAsync();
        Service.Registers(Registration);
        _database = await TestDatabase.CreateAsync(databaseKind);
        Server = await TestServer.StartAsync(
        [
            ("database.url", _database.Url),
            ("app_services.files", Service.Folder),
            ("app_services.first_pause", "20ms"),
            ("app_services.longest_pause", "100ms"),
            .. Settings,
        ]);
        Alice = await Server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopServer()
    {
        await Server.DisposeAsync();
        await Service.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>The next ephemeral event of a type that the service gets.</summary>
    protected async Task<JsonObject> EphemeralAsync(string type)
    {
        JsonObject? found = null;
        await Service.TakesAsync(request =>
        {
            found = request.Json["ephemeral"]?.AsArray().Select(each => each!.AsObject())
                .FirstOrDefault(each => (string?)each["type"] == type);
            return found is not null;
        });
        return found!;
    }

    protected Task<Reply> RegistersGhostAsync(string name, bool inhibitLogin = true) =>
        Bridge.PostAsync("register", new JsonObject
        {
            ["type"] = "m.login.application_service",
            ["username"] = name,
            ["inhibit_login"] = inhibitLogin,
        });

    /// <summary>A public room of alice's that a ghost has joined.</summary>
    protected async Task<string> BridgedRoomAsync(string ghost = "_irc_ghost")
    {
        (await RegistersGhostAsync(ghost)).Is(200);
        var room = (await Alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Is(200).Member("room_id");
        (await Bridge.PostAsync($"join/{room}?user_id=@{ghost}:{TestServer.ServerName}")).Is(200);
        return room;
    }

    protected static string IdOf(string localpart) => $"@{localpart}:{TestServer.ServerName}";
}
