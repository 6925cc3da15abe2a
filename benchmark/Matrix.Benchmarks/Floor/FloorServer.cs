using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.LoadGen.Workloads;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Benchmarks.Floor;

/// <summary>
/// The parts that a homeserver cannot be faster than: Kestrel, the group-commit writer and the database, without
/// Matrix.
/// <c>POST /floor/commit</c> commits one row of an event's size; <c>GET /floor/read</c> checks the token and reads
/// nothing. <c>GET /floor/files/ten-megabytes</c> is a static file.
/// </summary>
internal static class FloorServer
{
    public const string Token = "floor";

    private static readonly RoomNid Room = new(1);
    private static readonly Authority OfRoom = Authority.Room(PlainEvent.Room(Room).RoomId);
    private static readonly byte[] Empty = "{}"u8.ToArray();
    private static readonly byte[] TokenHash = SHA256.HashData(Encoding.UTF8.GetBytes(Token));

    /// <summary>Serves until it is stopped.</summary>
    public static async Task ServeAsync(string databaseUrl, string dataFolder, int port, CancellationToken stop)
    {
        var options = new StorageOptions { Url = databaseUrl, DataDir = dataFolder, ServerName = "floor.test" };
        await using var storage = await StorageEngine.OpenAsync(options, stop);
        await storage.Writer.WriteAsync(
            new WriteBatch(OfRoom).Add(new RoomCreated(PlainEvent.Room(Room), "@floor:floor.test", new RoomHeader())),
            stop);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.ListenLocalhost(port);
        });
        await using var app = builder.Build();
        var ordinal = EventNid.FirstLiveOrdinal;
        app.MapPost("/floor/commit", async context =>
        {
            if (!Known(context))
            {
                return;
            }

            await DrainAsync(context);
            var nid = EventNid.Of(Room, Interlocked.Increment(ref ordinal));
            var batch = new WriteBatch(OfRoom, 1).Add(PlainEvent.Message(nid));
            await storage.Writer.WriteAsync(batch, context.RequestAborted);
            await AnswerAsync(context);
        });
        ServeFiles(app, Path.Combine(dataFolder, "files"));
        app.MapGet("/floor/read", context => Known(context) ? AnswerAsync(context) : Task.CompletedTask);
        await app.StartAsync(stop);
        await app.WaitForShutdownAsync(stop);
    }

    private static void ServeFiles(WebApplication app, string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "ten-megabytes"), RandomNumberGenerator.GetBytes(Download.Bytes));
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = new PhysicalFileProvider(folder),
            RequestPath = "/floor/files",
            ServeUnknownFileTypes = true,
        });
    }

    private static async Task DrainAsync(HttpContext context)
    {
        var body = context.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(context.RequestAborted);
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private static bool Known(HttpContext context)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        var given = header.StartsWith(scheme, StringComparison.Ordinal) ? header[scheme.Length..] : "";
        if (CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), TokenHash))
        {
            return true;
        }

        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return false;
    }

    private static Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Empty.Length;
        return context.Response.Body.WriteAsync(Empty, 0, Empty.Length, context.RequestAborted);
    }
}
